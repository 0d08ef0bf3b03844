use super::*;
use crate::rng::Rng;

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn record(owner: &str, data: RecordData) -> Record {
    Record { name: name(owner), class: CLASS_IN, ttl: 30, data }
}

/// A message with a record of every type.
fn full() -> Message {
    let web = "web.default.svc.cluster.local";
    let query = Message::query(0xbeef, name(web), RecordType::A);
    Message {
        authoritative: true,
        recursion_available: true,
        answers: vec![
            record(web, RecordData::A([10, 96, 0, 10].into())),
            record(web, RecordData::Aaaa(Ipv6Addr::LOCALHOST)),
            record(web, RecordData::Cname(name("other.svc.cluster.local"))),
            record("10.0.96.10.in-addr.arpa", RecordData::Ptr(name(web))),
            record("cluster.local", RecordData::Ns(name("ns.dns.cluster.local"))),
            record(
                "_http._tcp.web.default.svc.cluster.local",
                RecordData::Srv { priority: 0, weight: 100, port: 80, target: name(web) },
            ),
            record("dns-version.cluster.local", RecordData::Txt("1.1.0".into())),
        ],
        authority: vec![record(
            "cluster.local",
            RecordData::Soa(Box::new(Soa {
                mname: name("ns.dns.cluster.local"),
                rname: name("hostmaster.cluster.local"),
                serial: 1,
                refresh: 7200,
                retry: 1800,
                expire: 86400,
                minimum: 30,
            })),
        )],
        additional: vec![Record {
            name: Name::default(),
            class: 4096,
            ttl: 0,
            data: RecordData::Other(RecordType::OPT, [0, 10, 0, 1, 7].into()),
        }],
        ..query.reply(Rcode::NO_ERROR)
    }
}

#[test]
fn a_query_has_the_bytes_of_the_rfc() {
    let query = Message::query(0x1234, name("web.svc"), RecordType::AAAA);
    let bytes =
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03web\x03svc\x00\x00\x1c\x00\x01";
    assert_eq!(query.emit(false), bytes);
    assert_eq!(Message::parse(bytes), Ok(query));
}

#[test]
fn parse_of_emit_is_the_message_compressed_or_not() {
    let message = full();
    let (plain, short) = (message.emit(false), message.emit(true));
    assert_eq!(Message::parse(&plain).as_ref(), Ok(&message));
    assert_eq!(Message::parse(&short).as_ref(), Ok(&message));
    assert!(short.len() < plain.len() * 2 / 3, "{} of {}", short.len(), plain.len());
    // The owner of the first answer points to the question at offset 12; a target of SRV does not.
    assert_eq!(&short[47..49], [0xc0, 12]);
    let target = b"\x03web\x07default\x03svc\x07cluster\x05local\x00";
    let found = short.windows(target.len()).filter(|w| w == target).count();
    assert_eq!(found, 2, "the question and the target of SRV");
}

#[test]
fn what_does_not_fit_is_compressed_then_cut() {
    let mut message = full();
    message.answers = (0..40)
        .map(|i| record("web.default.svc.cluster.local", RecordData::A([10, 1, 5, i].into())))
        .collect();
    message.answers.truncate(20);
    let bytes = message.emit_within(MAX_UDP);
    let whole = Message::parse(&bytes).expect("a message");
    assert!((whole == message, bytes.len() <= MAX_UDP) == (true, true), "20 fit if compressed");
    message.answers.extend(message.answers.clone());
    let bytes = message.emit_within(MAX_UDP);
    let cut = Message::parse(&bytes).expect("a message");
    assert!(cut.truncated && bytes.len() <= MAX_UDP && cut.answers.len() > 20);
    assert_eq!((cut.authority.len(), cut.additional.len()), (0, 1), "OPT stays");
    let whole = message.emit_within(usize::from(u16::MAX));
    assert_eq!(Message::parse(&whole).as_ref(), Ok(&message));
}

#[test]
fn a_pointer_leads_back_only() {
    let query = |tail: &[u8]| [b"\0\0\0\0\0\x01\0\0\0\0\0\0", tail, b"\0\x01\0\x01"].concat();
    let wrong = Err(Malformed::Field("DNS name"));
    assert_eq!(Message::parse(&query(&[0xc0, 12])), wrong, "to itself");
    assert_eq!(Message::parse(&query(&[0xc0, 40])), wrong, "forward");
    assert_eq!(Message::parse(&query(&[0x40, 1])), wrong, "a label of another kind");
    assert_eq!(Message::parse(&query(&[1, b'a', 0xc0, 12])), wrong, "a loop");
    assert!(Message::parse(&query(&[1, b'a', 0])).is_ok());
}

#[test]
fn no_bytes_make_the_parser_panic() {
    let (mut rng, whole) = (Rng::new(35), full().emit(true));
    let mut parsed = 0;
    for n in 0..whole.len() {
        assert!(Message::parse(&whole[..n]).is_err(), "cut after {n} bytes");
    }
    for _ in 0..20_000 {
        let mut bytes = whole.clone();
        for _ in 0..=rng.below(4) {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] = rng.next_u64() as u8;
        }
        bytes.truncate(bytes.len() - rng.below(20) as usize);
        if let Ok(message) = Message::parse(&bytes) {
            parsed += 1;
            // What was read can be written, and says the same.
            assert_eq!(Message::parse(&message.emit(true)).as_ref(), Ok(&message));
        }
    }
    assert!(parsed > 100, "{parsed} of them are messages");
}
