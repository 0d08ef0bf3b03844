//! What the emulated shell prints.

use play::Session;
use play::presets::Preset;
use play::shell::exec;

/// A command on a host of the preset "article-nodeport".
fn run(session: &mut Session, host: &str, line: &str) -> String {
    exec(session, host, line).text
}

fn session() -> Session {
    let preset = Preset::named("article-nodeport").expect("preset");
    Session::new(&preset.document(), 1, true).expect("valid")
}

/// The lines after the statistics' heading.
fn statistics(text: &str) -> &str {
    text.split_once("ping statistics ---\n").expect("statistics").1
}

#[test]
fn ping_prints_what_iputils_prints_with_and_without_answers() {
    let mut s = session();
    let answered = run(&mut s, "node01", "ping -c 3 10.1.6.5");
    let all = "3 packets transmitted, 3 received, 0% packet loss, time 2000ms\nrtt min/avg/max";
    assert!(statistics(&answered).starts_with(all), "{answered}");
    // The lost frame is that of an address that nobody has: ARP fails after three seconds.
    let nobody = run(&mut s, "node01", "ping -c 4 192.168.120.77");
    let none = "4 packets transmitted, 0 received, +4 errors, 100% packet loss, time 3000ms\n\
                pipe 4\n";
    assert_eq!(statistics(&nobody), none, "{nobody}");
    let once = run(&mut s, "node01", "ping -c 1 192.168.120.77");
    let none = "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n\n";
    assert_eq!(statistics(&once), none, "{once}");
    run(&mut s, "node02", "sysctl -w net.ipv4.ip_forward=0");
    let lost = run(&mut s, "node01", "ping -c 1 10.1.6.5");
    let none = "PING 10.1.6.5 (10.1.6.5) 56(84) bytes of data.\n\n\
                --- 10.1.6.5 ping statistics ---\n\
                1 packets transmitted, 0 received, 100% packet loss, time 0ms\n\n";
    assert_eq!(lost, none);
}

#[test]
fn hostname_prints_the_name_and_the_addresses_of_the_host() {
    let mut s = session();
    assert_eq!(run(&mut s, "node01", "hostname"), "sugi-kubeadm-node01\n");
    assert_eq!(run(&mut s, "node01", "hostname -i"), "192.168.120.226\n");
    let all = run(&mut s, "node01", "hostname -I");
    let all: Vec<&str> = all.split_whitespace().collect();
    assert!(all.starts_with(&["192.168.120.226"]) && all.contains(&"10.1.5.1"), "{all:?}");
    let pod = s.running().pods.iter().find(|p| p.namespace == "default").expect("a pod");
    let (name, address) = (format!("pod/{}", pod.netns()), format!("{}\n", pod.ip));
    assert_eq!(run(&mut s, &name, "hostname -i"), address);
    assert!(run(&mut s, "node01", "hostname -x").contains("is not understood here"));
}

#[test]
fn a_node_has_one_name_in_every_table() {
    let mut s = session();
    let names: Vec<String> = s.running().nodes.iter().map(|n| n.spec.name.value.clone()).collect();
    let nodes = run(&mut s, "master01", "kubectl get nodes");
    let pods = run(&mut s, "master01", "kubectl get pods --all-namespaces -o wide");
    for line in nodes.lines().skip(1) {
        let name = line.split_whitespace().next().expect("a name");
        assert!(names.iter().any(|n| n == name), "{nodes}");
    }
    for line in pods.lines().skip(1) {
        let name = line.split_whitespace().last().expect("a name");
        assert!(names.iter().any(|n| n == name), "{pods}");
    }
}
