//! Captures as tshark, an independent program, reads them: every checksum is correct, no frame is
//! malformed, VXLAN is decoded, and every interface has its name.

use play::presets::ALL;
use play::{Probe, Session, capture};
use std::process::Command;

fn tshark(file: &std::path::Path, fields: &[&str]) -> Vec<Vec<String>> {
    let mut c = Command::new("tshark");
    c.arg("-r").arg(file).args([
        "-d",
        "udp.port==8472,vxlan",
        "-T",
        "fields",
        "-E",
        "separator=|",
        "-E",
        "occurrence=a",
        "-E",
        "aggregator=,",
    ]);
    // The capture has every frame at several taps, which tshark would call retransmissions.
    c.args(["-o", "tcp.desegment_tcp_streams:FALSE"]);
    for check in ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"] {
        c.args(["-o", &format!("{check}:TRUE")]);
    }
    for f in fields {
        c.args(["-e", f]);
    }
    let out = c.output().expect("tshark is installed by `cargo xtask test`");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout)
        .lines()
        .map(|l| l.split('|').map(str::to_owned).collect())
        .collect()
}

#[test]
fn tshark_finds_no_error_in_the_capture_of_any_preset() {
    for preset in ALL {
        let mut session = Session::new(&preset.document(), 5, false).expect("valid");
        let mut probe = Probe::new(preset.from, preset.to);
        probe.proto = preset.proto;
        // One connection stays on its node, the other crosses to another.
        probe.endpoint = match preset.name {
            "article-nodeport" | "nodeport-1.36" => {
                Some(("10.1.6.5".parse().expect("address"), None))
            }
            "article-clusterip" => Some(("10.1.5.4".parse().expect("address"), None)),
            _ => None,
        };
        let run = session.send(&probe).expect("sent");
        let bytes = capture::pcapng(session.last(), &session.events()[run.events], &|_| true);
        let file = std::env::temp_dir().join(format!(
            "packetwalk-{}-{}.pcapng",
            preset.name,
            std::process::id()
        ));
        std::fs::write(&file, bytes).expect("written");
        let fields = [
            "frame.interface_name",
            "ip.checksum.status",
            "tcp.checksum.status",
            "udp.checksum.status",
            "icmp.checksum.status",
            "_ws.malformed",
            "vxlan.vni",
            "udp.dstport",
            "frame.protocols",
        ];
        let rows = tshark(&file, &fields);
        std::fs::remove_file(&file).expect("removed");
        assert!(rows.len() > 6, "{}: {} frames", preset.name, rows.len());
        let mut vxlan = 0;
        for (row, n) in rows.iter().zip(1..) {
            let all = |column: usize, wanted: &[&str]| {
                row[column].split(',').filter(|v| !v.is_empty()).all(|v| wanted.contains(&v))
            };
            assert!(
                row[0]
                    .split_once('/')
                    .is_some_and(|(host, dev)| !host.is_empty() && !dev.is_empty()),
                "frame {n}: interface {:?}",
                row[0]
            );
            // 1 is good, 3 is "not present": UDP with checksum 0.
            assert!(
                all(1, &["1"]) && all(2, &["1"]) && all(3, &["1", "3"]) && all(4, &["1"]),
                "{} frame {n}: {row:?}",
                preset.name
            );
            assert_eq!(row[5], "", "{} frame {n} is malformed: {row:?}", preset.name);
            if row[7].split(',').any(|p| p == "8472") {
                vxlan += 1;
                assert_eq!(row[6], "1", "{} frame {n}: {row:?}", preset.name);
                assert!(row[8].contains("vxlan:eth"), "{row:?}");
            }
        }
        println!("{}: {} frames, {vxlan} of them VXLAN, no errors", preset.name, rows.len());
        assert_eq!(
            vxlan > 0,
            matches!(preset.name, "article-pod-cross-node" | "article-nodeport" | "nodeport-1.36"),
            "{}",
            preset.name
        );
    }
}
