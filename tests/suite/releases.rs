//! Every Kubernetes release and every shape of Services: the text that kube-proxy writes gives the
//! rules the simulator uses, and releases differ where the table of releases has a difference.

use kube::proxy::{Release, Sync};
use net::netfilter::{Ruleset, parse_rule, save};
use std::collections::BTreeSet;
use support::{read, root, shape_for};

fn shapes() -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(root().join("kernel/shapes"))
        .expect("shapes")
        .flatten()
        .map(|f| f.path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|f| (f.file_stem().expect("name").to_string_lossy().into_owned(), read(f)))
        .collect()
}

fn document(shape: &str, release: Release) -> String {
    let deployment = |name: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec: {{replicas: 3, selector: {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: c, image: nginx, ports: [{{name: http, containerPort: 80}}]}}]}}}}}}\n---\n"
        )
    };
    format!(
        "{}{}{}---\napiVersion: packetwalk.dev/v1alpha1\nkind: Topology\nspec:\n  kubernetes: {{version: \"{release}\"}}\n  nodes: [{{name: m, role: control-plane}}, {{name: n1}}, {{name: n2}}]\n",
        deployment("web"),
        deployment("one"),
        shape_for(shape, release.minor())
    )
}

fn sync(shape: &str, release: Release) -> (kube::Cluster, Sync) {
    let (cluster, diags) = kube::build(&document(shape, release));
    let cluster = cluster.unwrap_or_else(|| panic!("{release}: {}", diags[0]));
    let sync = kube::plan::proxy_sync(&cluster, &kube::plan::proxy_settings(&cluster, 1), true);
    (cluster, sync)
}

#[test]
fn the_text_of_every_release_gives_its_rules() {
    let mut rules = 0;
    for (name, shape) in shapes() {
        for release in Release::all() {
            let (cluster, sync) = sync(&shape, release);
            for line in sync.filter.rules.iter().chain(&sync.nat.rules) {
                let text = format!("-A {}{}", line.chain, line.text);
                let (_, rule) =
                    parse_rule(&text).unwrap_or_else(|e| panic!("{release} {name}: {text}: {e}"));
                assert_eq!(rule, *line.rule, "{release} {name}: {text}");
                rules += 1;
            }
            // `iptables-restore --noflush` on a node that has the rules already changes nothing;
            // on no node, though nodes share what is the same on all of them.
            let settings = |i| kube::plan::proxy_settings(&cluster, i);
            let syncs: Vec<Sync> =
                (0..3).map(|i| kube::plan::proxy_sync(&cluster, &settings(i), true)).collect();
            let spec = kube::plan::spec(&cluster.into());
            for (node, sync) in ["m", "n1", "n2"].into_iter().zip(&syncs) {
                let case = format!("{release} {name} {node}");
                let ns = spec.netns.iter().find(|n| n.name == node).expect("a node");
                let again = ns
                    .rules
                    .restored(&sync.restore(&BTreeSet::new()), true)
                    .unwrap_or_else(|e| panic!("{case}: {}", e[0]));
                assert_eq!(again.rules, ns.rules, "{case}");
                let print = save(&ns.rules, "a test", "a day", &|_, _| (0, 0));
                let read = Ruleset::parse(&print).unwrap_or_else(|e| panic!("{case}: {}", e[0]));
                assert_eq!(read, ns.rules, "{case}");
            }
        }
    }
    println!("{rules} rules of {} releases were parsed as intended", Release::all().count());
    assert!(rules > 10_000, "{rules}");
}

#[test]
fn releases_differ_as_in_the_table_of_releases() {
    let text = |shape: &str, minor: u8| {
        let (_, shape) = shapes().into_iter().find(|(n, _)| n == shape).expect("a shape");
        sync(&shape, Release::new(minor).expect("a release")).1.restore(&BTreeSet::new())
    };
    // Minor release, shape, text that its rules contain and those of the release before do not.
    let came = [
        (14, "no-endpoints", "-d 203.0.113.10/32 --dport 8000 -j REJECT"),
        (15, "cluster-ip", "-m conntrack --ctstate INVALID -j DROP"),
        (15, "load-balancer-local", "masquerade LOCAL traffic for default/web: LB IP"),
        (16, "cluster-ip", "-j MASQUERADE --random-fully"),
        (17, "cluster-ip", "--probability 0.3333333333 "),
        (18, "cluster-ip", "-m comment --comment default/web: -m statistic"),
        (19, "cluster-ip", "-j MARK --xor-mark 0x00004000"),
        (20, "cluster-ip", "--comment \"default/web cluster IP\""),
        (21, "load-balancer-local", "default/web health check node port"),
        (23, "cluster-ip", "kubernetes forwarding conntrack rule"),
        (24, "node-port", "-j KUBE-EXT-"),
        (25, "load-balancer", ":KUBE-PROXY-FIREWALL"),
        (27, "cluster-ip", "block incoming localnet connections"),
    ];
    for (minor, shape, words) in came {
        assert!(
            text(shape, minor).contains(words),
            "1.{minor} {shape}: {words} is missing\n{}",
            text(shape, minor)
        );
        assert!(
            !text(shape, minor - 1).contains(words),
            "1.{} {shape}: {words} is present too early",
            minor - 1
        );
    }
    for (last, shape, words) in [
        (20, "external-ips", "physdev ! --physdev-is-in"),
        (22, "cluster-ip", "/32 --dport 8000"),
        (23, "node-port-local", "KUBE-XLB-"),
        (24, "load-balancer", "-j KUBE-MARK-DROP"),
    ] {
        assert!(
            text(shape, last).contains(words),
            "1.{last} {shape}: {words} is missing\n{}",
            text(shape, last)
        );
        assert!(
            !text(shape, last + 1).contains(words),
            "1.{} {shape}: {words} is still present",
            last + 1
        );
    }
}

/// The nat rules of node n1 for a Service `web` with the given fields and pods.
fn nat(minor: u8, spec: &str, status: &str, pods: &str) -> String {
    let shape = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{selector: {{app: web}}, ports: [{{port: 80}}], {spec}}}\n{status}\n"
    );
    let release = Release::new(minor).expect("a release");
    let text = document(&shape, release)
        .replace("{name: n1}", "{name: n1, zone: a}")
        .replace("{name: n2}", "{name: n2, zone: b}")
        + pods;
    let (cluster, diags) = kube::build(&text);
    let cluster = cluster.unwrap_or_else(|| panic!("{}", diags[0]));
    kube::plan::proxy_sync(&cluster, &kube::plan::proxy_settings(&cluster, 1), true)
        .restore(&BTreeSet::new())
}

#[test]
fn a_terminating_pod_serves_only_while_it_is_ready() {
    let pods = |ready: bool| {
        let place =
            |last: u8, more: &str| format!("{{of: web, node: n1, ip: 10.244.1.{last}, {more}}}");
        let leaving = place(6, &format!("terminating: true, ready: {ready}"));
        format!("  pods: [{leaving}, {}, {}]\n", place(7, "ready: false"), place(8, "ready: false"))
    };
    assert!(nat(36, "", "", &pods(true)).contains("--to-destination 10.244.1.6:80"));
    assert!(nat(36, "", "", &pods(false)).contains("default/web has no endpoints"));
    assert!(
        nat(25, "", "", &pods(true)).contains("default/web has no endpoints"),
        "before 1.26 a terminating pod does not serve"
    );
}

#[test]
fn fields_have_an_effect_from_the_release_that_knows_them() {
    let pods = "  pods: [{of: web, node: n1, ip: 10.244.1.6}, {of: web, node: n2, ip: 10.244.2.6}, {of: web, node: n2, ip: 10.244.2.7}]\n";
    let reaches_far = |minor, word: &str| {
        nat(minor, &format!("trafficDistribution: {word}"), "", pods)
            .contains("--to-destination 10.244.2.6:80")
    };
    for (word, since) in [("PreferClose", 31), ("PreferSameZone", 34), ("PreferSameNode", 34)] {
        assert!(
            reaches_far(since - 1, word) && !reaches_far(since, word),
            "{word} since 1.{since}"
        );
    }
    let skips = |minor| {
        !nat(minor, "type: LoadBalancer, allocateLoadBalancerNodePorts: false", "", pods)
            .contains("-A KUBE-NODEPORTS")
    };
    assert!(!skips(21) && skips(22));
    let asked = "type: LoadBalancer, loadBalancerIP: 9.9.9.9";
    assert!(nat(36, asked, "", pods).contains("-d 9.9.9.9 "));
    let given = nat(36, asked, "status: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}", pods);
    assert!(
        given.contains("-d 1.2.3.4 ") && !given.contains("9.9.9.9"),
        "the status of the load balancer counts"
    );
}
