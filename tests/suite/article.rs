//! The outputs printed in the article, from one emulated shell.

use play::presets::Preset;
use play::{Session, shell};

fn session(preset: &str) -> Session {
    Session::new(&Preset::named(preset).expect("preset").document(), 0, true).expect("valid")
}

fn run(s: &mut Session, host: &str, line: &str) -> String {
    let out = shell::exec(s, host, line);
    assert_eq!(out.status, 0, "{host}$ {line}\n{}", out.text);
    out.text
}

/// The packet and byte counters of each rule in a listing, as printed.
fn counters(listing: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for line in listing.lines().skip(2) {
        let mut words = line.split_whitespace();
        out.push((
            words.next().unwrap_or_default().to_owned(),
            words.next().unwrap_or_default().to_owned(),
        ));
    }
    out
}

#[test]
fn after_one_curl_kube_forward_has_the_counters_of_the_article() {
    let mut s = session("article-nodeport");
    let page = run(&mut s, "bastion", "curl http://192.168.120.226:30080/");
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert_eq!(page.len(), 612);
    let listing = run(&mut s, "node01", "iptables -t filter -vnL KUBE-FORWARD");
    let expected =
        [("1", "60"), ("5", "1117"), ("6", "397")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(counters(&listing), expected, "\n{listing}");
    let node_ports = run(&mut s, "node01", "iptables -t nat -vnL KUBE-NODEPORTS");
    assert_eq!(counters(&node_ports), vec![("1".to_owned(), "60".to_owned()); 2], "\n{node_ports}");
}

#[test]
fn the_articles_tables_are_printed_as_the_article_prints_them() {
    let mut s = session("article-nodeport");
    let routes = "default via 192.168.120.254 dev ens192 proto static metric 100 \n\
                  10.1.4.0/24 via 10.1.4.0 dev flannel.1 onlink \n\
                  10.1.5.0/24 dev cni0 proto kernel scope link src 10.1.5.1 \n\
                  10.1.6.0/24 via 10.1.6.0 dev flannel.1 onlink \n\
                  172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1 \n\
                  192.168.120.0/24 dev ens192 proto kernel scope link src 192.168.120.226 metric 100 \n";
    assert_eq!(run(&mut s, "node01", "ip r"), routes);
    let fdb = "36:dc:08:bc:b6:23 dst 192.168.120.227 self permanent\nf2:4a:3d:b6:4e:95 dst 192.168.120.225 self permanent\n";
    assert_eq!(run(&mut s, "node01", "bridge fdb show dev flannel.1"), fdb);
    let neighbours = run(&mut s, "node01", "ip n");
    for line in [
        "10.1.6.0 dev flannel.1 lladdr 36:dc:08:bc:b6:23 PERMANENT",
        "10.1.4.0 dev flannel.1 lladdr f2:4a:3d:b6:4e:95 PERMANENT",
        "10.1.5.10 dev cni0 lladdr 0a:58:0a:01:05:0a REACHABLE",
    ] {
        assert!(neighbours.lines().any(|l| l == line), "{line}\nis not in\n{neighbours}");
    }
    let services = run(&mut s, "master01", "kubectl get svc -o wide");
    let lines: Vec<&str> = services.lines().collect();
    assert_eq!(
        lines[0],
        "NAME            TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)          AGE       SELECTOR"
    );
    assert!(
        lines[2].starts_with(
            "nginx-service   NodePort    10.1.0.125   <none>        8000:30080/TCP   "
        ),
        "{services}"
    );
}

#[test]
fn the_chains_of_the_article_are_listed_literally() {
    let mut s = session("article-clusterip");
    let svc = "Chain KUBE-SVC-GKN7Y2BSGW4NJTYL (1 references)\n \
               pkts bytes target     prot opt in     out     source               destination         \n    \
               0     0 KUBE-SEP-E5HSR3R2B7URHFJI  all  --  *      *       0.0.0.0/0            0.0.0.0/0            /* default/nginx-service: */ statistic mode random probability 0.25000000000\n    \
               0     0 KUBE-SEP-R2MSMBFMMKEJBLAL  all  --  *      *       0.0.0.0/0            0.0.0.0/0            /* default/nginx-service: */ statistic mode random probability 0.33332999982\n    \
               0     0 KUBE-SEP-CAKGWV44IP65RES6  all  --  *      *       0.0.0.0/0            0.0.0.0/0            /* default/nginx-service: */ statistic mode random probability 0.50000000000\n    \
               0     0 KUBE-SEP-2XH37R654LGYZT6Q  all  --  *      *       0.0.0.0/0            0.0.0.0/0            /* default/nginx-service: */\n";
    assert_eq!(run(&mut s, "node01", "iptables -t nat -vnL KUBE-SVC-GKN7Y2BSGW4NJTYL"), svc);
    let services = run(&mut s, "node01", "iptables -t nat -vnL KUBE-SERVICES");
    let targets: Vec<&str> =
        services.lines().skip(2).filter_map(|l| l.split_whitespace().nth(2)).collect();
    let expected = [
        "KUBE-MARK-MASQ",
        "KUBE-SVC-TCOU7JCQXEZGVUNU",
        "KUBE-MARK-MASQ",
        "KUBE-SVC-ERIFXISQEP7F7OF4",
        "KUBE-MARK-MASQ",
        "KUBE-SVC-NPX46M4PTMTKRN6Y",
        "KUBE-MARK-MASQ",
        "KUBE-SVC-GKN7Y2BSGW4NJTYL",
        "KUBE-NODEPORTS",
    ];
    assert_eq!(targets, expected);
    let mark =
        run(&mut session("article-nodeport"), "node01", "iptables -t nat -vnL KUBE-MARK-MASQ");
    assert!(mark.starts_with("Chain KUBE-MARK-MASQ (12 references)\n"), "{mark}");
    assert!(mark.contains("MARK or 0x4000"), "{mark}");
}

#[test]
fn parsing_saved_rules_gives_the_same_rules() {
    let mut s = session("article-nodeport");
    for node in ["master01", "node01", "node02"] {
        let text = run(&mut s, node, "iptables-save");
        let rules = net::netfilter::Ruleset::parse(&text).unwrap_or_else(|e| panic!("{}", e[0]));
        let ns = s.world().state().ns_named(node).expect("node").1;
        assert!(rules == ns.rules, "{node}: the rules differ after save and parse");
    }
}
