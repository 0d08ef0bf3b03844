//! The domain name system: messages, a server's data, and a stub resolver. None of them does I/O:
//! sockets carry their bytes (`engine/dns.rs`).

mod message;
mod name;
mod resolver;
mod zone;

pub use message::{
    CLASS_IN, DNS_PORT, MAX_UDP, Message, Question, Rcode, Record, RecordData, RecordType, Soa,
};
pub use name::{Name, NameError};
pub use resolver::{Failure, Lookup, Next, ResolvConf, Tried, Unresolved};
pub use zone::{SharedZone, Zone};
