//! What the terminal shows of a session.

use crate::app::{Action, App, update};
use crate::words::Lang;

/// What the terminal shows at the moment: lines, and outputs that are known.
fn screen(app: &App) -> Vec<(String, Option<String>)> {
    let cursor = app.view.cursor;
    let begun = app.transcript().into_iter().filter(|c| c.typed_at <= cursor);
    begun
        .map(|c| {
            let known = (c.known_at <= cursor).then(|| c.output.text.clone());
            (format!("{}{}", super::prompt(c.host), c.line), known)
        })
        .collect()
}

const SCRIPT: &str = "---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script\nspec:\n  steps:\n  \
    - {on: bastion, run: \"curl http://192.168.120.226:30080\"}\n  \
    - {on: node01, run: conntrack -F}\n  \
    - {on: node01, run: hostname}\n";

#[test]
fn commands_of_a_session_appear_at_their_moment() {
    let mut app = App::new(Lang::En, "article-nodeport");
    let file = format!("{}{SCRIPT}", app.document.text);
    update(&mut app, Action::Opened(file));
    update(&mut app, Action::SeekStep(0));
    assert_eq!(screen(&app), []);
    update(&mut app, Action::StepBy(1));
    let curl = "[root@bastion ~]# curl http://192.168.120.226:30080".to_owned();
    assert_eq!(screen(&app), [(curl.clone(), None)]);
    update(&mut app, Action::SeekStep(usize::MAX));
    let all = screen(&app);
    let lines: Vec<&str> = all.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(lines, [&*curl, "[root@node01 ~]# conntrack -F", "[root@node01 ~]# hostname"]);
    assert!(all[0].1.as_ref().is_some_and(|out| out.contains("Welcome to nginx!")));
    assert_eq!(all[2].1.as_deref(), Some("sugi-kubeadm-node01\n"));
    // A link opens the same terminal.
    let link = crate::app::link::link(&app).expect("short");
    let other = crate::app::link::open(&link, &App::new(Lang::En, "")).expect("it opens");
    assert_eq!(screen(&other), all);
}

#[test]
fn typed_commands_stand_below_those_of_the_session() {
    let mut app = App::new(Lang::En, "article-nodeport");
    let file = format!("{}{SCRIPT}", app.document.text);
    update(&mut app, Action::Opened(file.clone()));
    update(&mut app, Action::SeekStep(usize::MAX));
    let last = |app: &App| screen(app).last().cloned().unwrap_or_default().0;
    let run = |app: &mut App, line: &str| {
        update(app, Action::Run("node02".to_owned(), line.to_owned()));
    };
    for line in ["ip route", "ip link set flannel.1 down", "bridge fdb"] {
        run(&mut app, line);
        assert_eq!(last(&app), format!("[root@node02 ~]# {line}"));
    }
    // At an earlier moment a change replaces the later steps.
    update(&mut app, Action::SeekStep(3));
    run(&mut app, "conntrack -F");
    assert_eq!(last(&app), "[root@node02 ~]# conntrack -F");
    assert_eq!(screen(&app).len(), 4, "{:?}", screen(&app));
    run(&mut app, "clear");
    assert_eq!(screen(&app), []);
    run(&mut app, "ip neigh");
    assert_eq!(screen(&app).len(), 1);
    update(&mut app, Action::TerminalBack(true));
    assert_eq!(app.terminal.line, "ip neigh");
    update(&mut app, Action::Opened(file));
    update(&mut app, Action::SeekStep(usize::MAX));
    assert_eq!(screen(&app).len(), 4, "another session has its own commands");
}
