//! Every way a request can end: each random choice of the rules is followed both ways, and each
//! ending gets its exact probability.
//!
//! What else is chance is not followed: the source port of a VXLAN shell, and the port that
//! masquerading takes when its own is in use or with `--random-fully`.

use crate::probe::{Probe, ProbeError};
use crate::session::Session;
use crate::step::Run;
use crate::verdict::Verdict;
use net::engine::RandomMatch;
use std::cmp::Ordering;
use std::fmt;

/// An exact probability: `numerator / 2^exponent`. A rule draws in steps of 1/2^31, so that a dozen
/// of them in a row need a long numerator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probability {
    /// The lowest 32 bits first; no zeros at the end, no factor 2 shared with the denominator.
    numerator: Vec<u32>,
    exponent: u32,
}

impl Probability {
    /// The probability 1.
    pub fn certain() -> Self {
        Self { numerator: vec![1], exponent: 0 }
    }

    fn reduced(mut self) -> Self {
        while self.numerator.last() == Some(&0) {
            self.numerator.pop();
        }
        if self.numerator.is_empty() {
            self.exponent = 0;
        }
        while self.exponent >= 32 && self.numerator.first() == Some(&0) {
            self.numerator.remove(0);
            self.exponent -= 32;
        }
        let by =
            self.numerator.first().map_or(0, |n| n.trailing_zeros()).min(self.exponent).min(31);
        if by > 0 {
            let above = self.numerator.iter().skip(1).copied().chain([0]).collect::<Vec<_>>();
            for (n, next) in self.numerator.iter_mut().zip(above) {
                *n = *n >> by | next << (32 - by);
            }
            self.exponent -= by;
            return self.reduced();
        }
        self
    }

    /// The probability of two independent choices.
    fn times(&self, other: &Self) -> Self {
        let mut numerator = vec![0u32; self.numerator.len() + other.numerator.len() + 1];
        for (i, a) in self.numerator.iter().enumerate() {
            let mut carry = 0u64;
            for (j, b) in other.numerator.iter().chain([&0]).enumerate() {
                let sum = u64::from(numerator[i + j]) + u64::from(*a) * u64::from(*b) + carry;
                (numerator[i + j], carry) = (sum as u32, sum >> 32);
            }
        }
        Self { numerator, exponent: self.exponent + other.exponent }.reduced()
    }

    /// The numerator over a larger power of 2.
    fn over(&self, exponent: u32) -> Vec<u32> {
        let by = exponent - self.exponent;
        let mut out = vec![0; (by / 32) as usize];
        let mut carry = 0u64;
        for n in &self.numerator {
            let wide = u64::from(*n) << (by % 32) | carry;
            out.push(wide as u32);
            carry = wide >> 32;
        }
        out.push(carry as u32);
        out
    }

    /// The probability of either of two exclusive outcomes.
    fn plus(&self, other: &Self) -> Self {
        let exponent = self.exponent.max(other.exponent);
        let (a, b) = (self.over(exponent), other.over(exponent));
        let mut carry = 0u64;
        let mut numerator = Vec::new();
        for i in 0..=a.len().max(b.len()) {
            let sum = u64::from(a.get(i).copied().unwrap_or(0))
                + u64::from(b.get(i).copied().unwrap_or(0))
                + carry;
            numerator.push(sum as u32);
            carry = sum >> 32;
        }
        Self { numerator, exponent }.reduced()
    }

    /// As a number from 0 to 1, rounded.
    pub fn value(&self) -> f64 {
        let word =
            |(i, n): (usize, &u32)| f64::from(*n) * 2f64.powi(32 * i as i32 - self.exponent as i32);
        self.numerator.iter().enumerate().rev().map(word).sum()
    }

    /// The probability of one choice.
    fn of(choice: RandomMatch) -> Self {
        let numerator =
            if choice.taken { choice.probability } else { (1 << 31) - choice.probability };
        Self { numerator: vec![numerator], exponent: 31 }.reduced()
    }
}

/// `0.25 (1/4)`: the number, and the exact fraction where it is one to read.
impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.exponent, self.numerator.as_slice()) {
            (0, n) => write!(f, "{}", n.first().unwrap_or(&0)),
            (e @ 1..=20, [n]) => write!(f, "{} ({n}/{})", self.value(), 1u32 << e),
            (e, [n]) => write!(f, "{:.11} ({n}/2^{e})", self.value()),
            (e, [n, m]) => {
                write!(f, "{:.11} ({}/2^{e})", self.value(), u64::from(*m) << 32 | u64::from(*n))
            }
            _ => write!(f, "{:.11}", self.value()),
        }
    }
}

/// One outcome of a request.
#[derive(Clone, Debug)]
pub struct WeightedRun {
    /// The sum over every branch with this outcome.
    pub probability: Probability,
    /// The session of the first such branch.
    pub session: Session,
    /// The probe's result in that session.
    pub run: Run,
}

/// Every ending, the likeliest first.
#[derive(Clone, Debug)]
pub struct Outcomes {
    /// Outcomes, the likeliest first.
    pub endings: Vec<WeightedRun>,
    /// The probability of the branches that were not followed, because there are too many.
    pub left: Option<Probability>,
}

/// The most branches that are followed.
const MOST: usize = 512;

/// Follows every random choice of a request that is sent in `session`, which is not changed.
///
/// # Errors
/// As [`Session::send`].
pub fn outcomes(session: &Session, probe: &Probe) -> Result<Outcomes, ProbeError> {
    let mut endings: Vec<WeightedRun> = Vec::new();
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
        let mut probability = Probability::certain();
        for (i, choice) in made.iter().enumerate() {
            if i >= given.len() && !choice.certain() {
                let other: Vec<bool> = way.iter().copied().chain([!choice.taken]).collect();
                if followed + open.len() < MOST {
                    open.push(other);
                } else {
                    let likely = probability
                        .times(&Probability::of(RandomMatch { taken: !choice.taken, ..*choice }));
                    left = Some(left.map_or_else(|| likely.clone(), |l| l.plus(&likely)));
                }
            }
            probability = probability.times(&Probability::of(*choice));
            way.push(choice.taken);
        }
        join(&mut endings, WeightedRun { probability, session: branch, run });
    }
    endings.sort_by(|a, b| {
        b.probability.value().partial_cmp(&a.probability.value()).unwrap_or(Ordering::Equal)
    });
    Ok(Outcomes { endings, left })
}

/// Adds an ending, merged with one that is the same to client and server.
fn join(endings: &mut Vec<WeightedRun>, new: WeightedRun) {
    let same = |e: &WeightedRun| {
        let (a, b) = (&e.run.verdict, &new.run.verdict);
        let why = |v: &Verdict| v.cause.deciding().map(|l| (l.netns, l.fact.clone()));
        (a.ending, &a.outcome, a.answered, why(a), &a.server)
            == (b.ending, &b.outcome, b.answered, why(b), &b.server)
    };
    match endings.iter_mut().find(|e| same(e)) {
        Some(old) => old.probability = old.probability.plus(&new.probability),
        None => endings.push(new),
    }
}

impl Outcomes {
    /// The sum of all: 1.
    pub fn sum(&self) -> Probability {
        let nothing = Probability { numerator: Vec::new(), exponent: 0 };
        self.endings
            .iter()
            .map(|e| &e.probability)
            .chain(&self.left)
            .fold(nothing, |sum, p| sum.plus(p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_exact() {
        let p = |probability, taken| Probability::of(RandomMatch { probability, taken });
        let quarter = p(1 << 29, true);
        assert_eq!(quarter.to_string(), "0.25 (1/4)");
        assert_eq!(quarter.plus(&p(1 << 29, false)), Probability::certain());
        let third = p(715_820_851, true);
        let both = third.times(&quarter).plus(&third.times(&p(1 << 29, false)));
        assert_eq!(both, third);
        assert_eq!(third.to_string(), "0.33333005896 (715820851/2^31)");
    }

    /// Ten endpoints: the last is taken when nine rules were not.
    #[test]
    fn many_draws_in_a_row_stay_exact() {
        let mut rest = Probability::certain();
        let mut sum = Probability { numerator: Vec::new(), exponent: 0 };
        for n in (2..=10u32).rev() {
            let probability = ((1u64 << 31) / u64::from(n)) as u32 | 1;
            sum = sum.plus(&rest.times(&Probability::of(RandomMatch { probability, taken: true })));
            rest = rest.times(&Probability::of(RandomMatch { probability, taken: false }));
        }
        assert!((rest.value() - 0.1).abs() < 1e-6, "{rest}");
        assert!(rest.exponent > 128);
        assert_eq!(sum.plus(&rest), Probability::certain());
    }
}
