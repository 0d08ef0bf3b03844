//! Every way a request can end: each random choice of the rules is followed both ways, and each
//! ending gets its exact probability.
//!
//! What else is chance is not followed: the source port of a VXLAN shell, and the port that
//! masquerading takes when its own is in use or with `--random-fully`.

use crate::probe::{Probe, ProbeError};
use crate::session::{Run, Session};
use net::engine::Choice;
use std::cmp::Ordering;
use std::fmt;

/// An exact probability: `numerator / 2^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probability {
    numerator: u128,
    exponent: u32,
}

impl Probability {
    /// 1.
    pub const CERTAIN: Self = Self { numerator: 1, exponent: 0 };

    const fn reduced(self) -> Self {
        if self.numerator == 0 {
            return Self { numerator: 0, exponent: 0 };
        }
        let zeros = self.numerator.trailing_zeros();
        let by = if zeros < self.exponent { zeros } else { self.exponent };
        Self { numerator: self.numerator >> by, exponent: self.exponent - by }
    }

    /// Both happen; none if the numbers get too large.
    fn times(self, other: Self) -> Option<Self> {
        let numerator = self.numerator.checked_mul(other.numerator)?;
        Some(Self { numerator, exponent: self.exponent + other.exponent }.reduced()).filter(|p| p.exponent < 128)
    }

    /// Either happens.
    fn plus(self, other: Self) -> Option<Self> {
        let exponent = self.exponent.max(other.exponent);
        let scaled = |p: Self| p.numerator.checked_shl(exponent - p.exponent).filter(|n| n >> (exponent - p.exponent) == p.numerator);
        Some(Self { numerator: scaled(self)?.checked_add(scaled(other)?)?, exponent }.reduced())
    }

    /// As a number from 0 to 1, rounded.
    pub fn value(self) -> f64 {
        self.numerator as f64 / 2f64.powi(self.exponent as i32)
    }

    /// The probability of one choice.
    fn of(choice: Choice) -> Self {
        let numerator = if choice.taken { u128::from(choice.probability) } else { (1 << 31) - u128::from(choice.probability) };
        Self { numerator, exponent: 31 }.reduced()
    }
}

/// `0.25 (1/4)`: the number, and the exact fraction.
impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.exponent {
            0 => write!(f, "{}", self.numerator),
            e @ 1..=20 => write!(f, "{} ({}/{})", self.value(), self.numerator, 1u32 << e),
            e => write!(f, "{:.11} ({}/2^{e})", self.value(), self.numerator),
        }
    }
}

/// One way it can end.
#[derive(Clone, Debug)]
pub struct Ending {
    /// How likely.
    pub probability: Probability,
    /// The session in which it ended so.
    pub session: Session,
    /// The run.
    pub run: Run,
}

/// Every ending, the likeliest first.
#[derive(Clone, Debug)]
pub struct Outcomes {
    /// The endings.
    pub endings: Vec<Ending>,
    /// What is left over: the probability of branches that were not followed to their end, because
    /// there are too many.
    pub left: Option<Probability>,
}

/// So many branches are followed.
const MOST: usize = 512;

/// Follows every random choice of a request sent in `session`, which stays as it is.
///
/// # Errors
/// As [`Session::send`].
pub fn outcomes(session: &Session, probe: &Probe) -> Result<Outcomes, ProbeError> {
    let mut endings: Vec<Ending> = Vec::new();
    let mut left: Option<Probability> = None;
    let mut open: Vec<Vec<bool>> = vec![Vec::new()];
    let mut followed = 0;
    while let Some(given) = open.pop() {
        let mut branch = session.clone();
        branch.decide(given.clone());
        let run = branch.send(probe)?;
        let made = branch.decided();
        followed += 1;
        // The other way of every choice that was new in this branch.
        let mut way = Vec::new();
        let mut probability = Some(Probability::CERTAIN);
        for (i, choice) in made.iter().enumerate() {
            if i >= given.len() && !choice.certain() {
                let other: Vec<bool> = way.iter().copied().chain([!choice.taken]).collect();
                let likely = probability.and_then(|p| p.times(Probability::of(Choice { taken: !choice.taken, ..*choice })));
                match likely {
                    Some(_) if followed + open.len() < MOST => open.push(other),
                    Some(p) => left = Some(left.map_or(Some(p), |l| l.plus(p)).unwrap_or(p)),
                    None => {}
                }
            }
            probability = probability.and_then(|p| p.times(Probability::of(*choice)));
            way.push(choice.taken);
        }
        let Some(probability) = probability else { continue };
        join(&mut endings, Ending { probability, session: branch, run });
    }
    endings.sort_by(|a, b| b.probability.value().partial_cmp(&a.probability.value()).unwrap_or(Ordering::Equal));
    Ok(Outcomes { endings, left })
}

/// Adds an ending to those that are the same to a client and a server.
fn join(endings: &mut Vec<Ending>, new: Ending) {
    let same = |e: &Ending| {
        let (a, b) = (&e.run.verdict, &new.run.verdict);
        (a.ending, &a.outcome, &a.lost, &a.server) == (b.ending, &b.outcome, &b.lost, &b.server)
    };
    match endings.iter_mut().find(|e| same(e)) {
        Some(old) => match old.probability.plus(new.probability) {
            Some(sum) => old.probability = sum,
            None => endings.push(new),
        },
        None => endings.push(new),
    }
}

impl Outcomes {
    /// The sum of all: 1, unless branches were left.
    pub fn sum(&self) -> Option<Probability> {
        let all = self.endings.iter().map(|e| e.probability).chain(self.left);
        all.map(Some).reduce(|a, b| a?.plus(b?)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_exact() {
        let p = |probability, taken| Probability::of(Choice { probability, taken });
        let quarter = p(1 << 29, true);
        assert_eq!(quarter.to_string(), "0.25 (1/4)");
        assert_eq!(quarter.plus(p(1 << 29, false)), Some(Probability::CERTAIN));
        let third = p(715_820_851, true);
        let both = third.times(quarter).and_then(|a| a.plus(third.times(p(1 << 29, false))?));
        assert_eq!(both, Some(third));
    }
}
