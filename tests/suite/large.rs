//! A large document: 30,000 services with two endpoints each, one NodePort connection through it.
#![allow(unsafe_code, reason = "an allocator that counts")]

use play::{Ending, Probe, Session};
use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator, and how many bytes it has handed out: now, and at most.
struct Counting {
    now: AtomicUsize,
    peak: AtomicUsize,
}

#[global_allocator]
static MEMORY: Counting = Counting { now: AtomicUsize::new(0), peak: AtomicUsize::new(0) };

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = self.now.fetch_add(layout.size(), Relaxed) + layout.size();
        self.peak.fetch_max(now, Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        self.now.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[test]
fn thirty_thousand_services_fit_into_a_gibibyte() {
    let mut text = String::from(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - {name: web, image: nginx, ports: [{containerPort: 80}]}\n",
    );
    for i in 0..30_000 {
        let kind = if i == 29_999 { "  type: NodePort\n" } else { "" };
        let port = if i == 29_999 { ", nodePort: 30080" } else { "" };
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{i}}}\nspec:\n{kind}  selector: {{app: web}}\n  ports:\n  - {{port: 80{port}}}\n"
        );
    }
    let mut session = Session::new(&text, 1, true).unwrap_or_else(|d| panic!("{}", d[0]));
    let endpoints: usize =
        session.cluster().services.iter().flat_map(|s| &s.ports).map(|p| p.endpoints.len()).sum();
    let rules: usize = session.world().state().ns_named("worker-1").map_or(0, |(_, ns)| {
        let t = ns.rules.table(net::netfilter::TableName::Nat);
        t.chains.iter().map(|c| c.rules.len()).sum()
    });
    let run = session.send(&Probe::new("client", "192.168.1.11:30080")).expect("sent");
    let peak = MEMORY.peak.load(Relaxed) >> 20;
    println!(
        "{} services, {endpoints} endpoints, {rules} nat rules a node, {} events, peak {peak} MiB",
        session.cluster().services.len(),
        run.events.len()
    );
    assert_eq!(run.verdict.ending, Ending::Answered);
    assert!(endpoints >= 60_000, "{endpoints}");
    // The process needs about a tenth more than it allocates.
    assert!((1..900).contains(&peak), "{peak} MiB");
}
