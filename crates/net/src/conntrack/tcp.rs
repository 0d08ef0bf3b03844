//! The state of a TCP connection as its packets show it to connection tracking
//! (`net/netfilter/nf_conntrack_proto_tcp.c`, table `tcp_conntracks`).

use super::CtDirection;
use crate::wire::TcpFlags;

/// The state of a tracked TCP connection (`enum tcp_conntrack`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TcpState {
    /// No packet was accepted yet (`TCP_CONNTRACK_NONE`).
    None,
    /// The client sent SYN.
    SynSent,
    /// The server answered with SYN-ACK.
    SynRecv,
    /// The client acknowledged the SYN-ACK; the longest timeout, 5 days.
    Established,
    /// Either side sent FIN first.
    FinWait,
    /// The first FIN was acknowledged, the other side has not sent its own.
    CloseWait,
    /// Both sides sent FIN, and the second is not acknowledged.
    LastAck,
    /// The second FIN was acknowledged.
    TimeWait,
    /// Either side sent RST; the entry is kept for 10 seconds.
    Close,
    /// Both sides sent SYN (simultaneous open).
    SynSent2,
}

impl TcpState {
    /// Every state, in the kernel's order.
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::SynSent,
        Self::SynRecv,
        Self::Established,
        Self::FinWait,
        Self::CloseWait,
        Self::LastAck,
        Self::TimeWait,
        Self::Close,
        Self::SynSent2,
    ];

    /// The name that `conntrack` prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::SynSent => "SYN_SENT",
            Self::SynRecv => "SYN_RECV",
            Self::Established => "ESTABLISHED",
            Self::FinWait => "FIN_WAIT",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::TimeWait => "TIME_WAIT",
            Self::Close => "CLOSE",
            Self::SynSent2 => "SYN_SENT2",
        }
    }

    pub(super) const fn default_timeout_secs(self) -> u64 {
        match self {
            Self::SynSent | Self::FinWait | Self::TimeWait | Self::SynSent2 => 120,
            Self::SynRecv | Self::CloseWait => 60,
            Self::Established => 432_000,
            Self::LastAck => 30,
            Self::Close => 10,
            Self::None => 0,
        }
    }
}

/// The effect of a segment on the state of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The connection is in this state now, which may be the same.
    To(TcpState),
    /// None: the segment is accepted, and state and timeout stay (`sIG`).
    Ignored,
    /// The segment does not belong here: INVALID (`sIV`).
    Invalid,
}

/// The effect of a segment with these flags (`tcp_conntracks[dir][index][state]`).
pub fn next_state(state: TcpState, dir: CtDirection, flags: TcpFlags) -> Transition {
    use TcpState::{
        Close, CloseWait, Established, FinWait, LastAck, None as Nothing, SynRecv, SynSent,
        SynSent2, TimeWait,
    };
    use Transition::{Ignored, Invalid, To};
    let original = dir == CtDirection::Original;
    if flags.has(TcpFlags::RST) {
        return if state == Nothing { Invalid } else { To(Close) };
    }
    if flags.has(TcpFlags::SYN) && flags.has(TcpFlags::ACK) {
        return match (original, state) {
            (true, SynRecv | SynSent2) | (false, SynSent | SynSent2) => To(SynRecv),
            (false, Nothing) | (true, _) => Invalid,
            // Ignored: a late duplicate, or an answer to a connection that was picked up.
            (false, _) => Ignored,
        };
    }
    if flags.has(TcpFlags::SYN) {
        return match (original, state) {
            (true, Nothing | SynSent | TimeWait | Close) | (false, TimeWait) => To(SynSent),
            (true, SynSent2) | (false, SynSent | SynSent2) => To(SynSent2),
            (true, _) => Ignored,
            (false, _) => Invalid,
        };
    }
    if flags.has(TcpFlags::FIN) {
        return match state {
            Nothing | SynSent | SynSent2 => Invalid,
            SynRecv | Established => To(FinWait),
            FinWait | CloseWait | LastAck => To(LastAck),
            TimeWait => To(TimeWait),
            Close => To(Close),
        };
    }
    if flags.has(TcpFlags::ACK) {
        return match (original, state) {
            // Picked up in the middle (`nf_conntrack_tcp_loose`).
            (true, Nothing) => To(Established),
            (true, SynSent | SynSent2) | (false, Nothing) => Invalid,
            (false, SynSent | SynSent2) => Ignored,
            (true, SynRecv) => To(Established),
            (false, SynRecv) => To(SynRecv),
            (_, Established) => To(Established),
            (_, FinWait | CloseWait) => To(CloseWait),
            (_, LastAck | TimeWait) => To(TimeWait),
            (_, Close) => To(Close),
        };
    }
    Invalid
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One request over one connection, as every recording of one shows it.
    #[test]
    fn a_curl_goes_through_the_recorded_states() {
        use CtDirection::{Original, Reply};
        let (syn, ack, fin) = (TcpFlags::SYN, TcpFlags::ACK, TcpFlags::FIN.with(TcpFlags::ACK));
        let steps = [
            (Original, syn),
            (Reply, syn.with(ack)),
            (Original, ack),
            (Original, fin),
            (Reply, fin),
            (Original, ack),
        ];
        let mut state = TcpState::None;
        let mut names = Vec::new();
        for (dir, flags) in steps {
            let Transition::To(next) = next_state(state, dir, flags) else {
                panic!("{flags} does not fit {state:?}")
            };
            state = next;
            names.push(state.name());
        }
        assert_eq!(
            names,
            ["SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "LAST_ACK", "TIME_WAIT"]
        );
    }

    #[test]
    fn a_reset_closes_from_anywhere() {
        for state in TcpState::ALL.into_iter().skip(1) {
            assert_eq!(
                next_state(state, CtDirection::Reply, TcpFlags::RST),
                Transition::To(TcpState::Close)
            );
        }
    }
}
