//! The `kind: Script` of a document, played as if a person had done its steps: for an embed or a
//! picture, where nobody is there to do them.

use super::handover::{step_of, step_text};
use super::{App, Snapshot, link, time};
use crate::words::{script_not_played, script_too_much};
use kube::Severity;
use play::script::Script;
use play::{Act, Came, Start, Step, When};
use std::rc::Rc;

impl App {
    /// Plays the document's Script; none if it has none.
    ///
    /// # Errors
    /// What of it cannot be done step by step, or that it is more than a link may ask for, in the
    /// language of the page. Nothing was done then.
    pub fn play_script(&mut self) -> Option<Result<(), String>> {
        let (script, diags) = Script::read(&self.text);
        if diags.iter().any(|d| d.severity == Severity::Error) {
            return Some(Err(diags.first().map(ToString::to_string).unwrap_or_default()));
        }
        let script = script?;
        let lang = self.lang;
        if script.start == Start::Known {
            return Some(Err(script_not_played(None, lang)));
        }
        let mut steps = Vec::new();
        for (action, n) in script.steps.into_iter().zip(1..) {
            let step = Step { when: When::Quiet, act: Act::Action(action) };
            // What a page can do it can also write down.
            if !link::is_step(&step) || step_of(&step_text(&step)).as_ref() != Some(&step) {
                return Some(Err(script_not_played(Some(n), lang)));
            }
            steps.push(step);
        }
        if link::is_too_much(&steps) {
            return Some(Err(script_too_much(lang)));
        }
        let was = self.snapshot();
        let cold = script.start == Start::Cold;
        time::restore(
            self,
            &Snapshot { script: Rc::new(steps), cursor: 0, seed: script.seed, cold, ..was.clone() },
        );
        let refused = self.came.iter().find_map(|c| {
            if let Came::Refused(e) = c { Some(format!("{}: {}", e.message, e.hint)) } else { None }
        });
        if let Some(why) = refused {
            time::restore(self, &was);
            return Some(Err(why));
        }
        Some(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Action, update};
    use crate::words::Lang;

    fn app(script: &str) -> App {
        let mut app = App::new(Lang::En, "article-nodeport");
        let text = format!(
            "{}---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script\nspec:\n{script}",
            app.text
        );
        update(&mut app, Action::Opened(text));
        assert_eq!(app.errors(), 0, "{:?}", app.diags);
        app
    }

    #[test]
    fn a_script_is_played_as_the_command_plays_it() {
        let mut app = app(
            "  seed: 7\n  steps:\n  - send: {from: bastion, to: \"192.168.120.226:30080\", endpoint: 10.1.5.4:80}\n  - {on: node01, run: conntrack -F}\n",
        );
        assert_eq!(app.play_script(), Some(Ok(())));
        let (script, _) = Script::read(&app.text);
        let (session, _) = script.expect("one").play(&app.text).expect("valid");
        let events = app.loaded.as_ref().map(|l| l.session.events().to_vec());
        assert!(events.as_deref() == Some(session.events()), "the same events");
        let other =
            link::open(&link::link(&app).expect("short"), &App::new(Lang::En, "")).expect("opened");
        assert_eq!(other.script, app.script);
    }

    #[test]
    fn what_a_page_cannot_do_is_said_and_nothing_is_done() {
        let many = format!("  steps:\n{}", "  - {on: node01, run: conntrack -F}\n".repeat(101));
        let large =
            format!("  steps:\n{}", "  - send: {from: bastion, to: 192.168.120.226, proto: icmp, size: 60000, count: 100}\n".repeat(2));
        for (script, why) in [
            (many.as_str(), "100 steps"),
            (large.as_str(), "2000 packets"),
            ("  start: known\n  steps: []\n", "entered by hand"),
            (
                "  steps:\n  - send: {from: bastion, to: \"192.168.120.226:30080\", pause: 2s}\n",
                "step 1",
            ),
            (
                "  steps:\n  - {on: node01, run: conntrack -F}\n  - {on: bastion, run: ping -c 1 192.168.120.226}\n",
                "step 2",
            ),
            ("  steps:\n  - send: {from: nobody, to: \"192.168.120.226:30080\"}\n", "nobody"),
        ] {
            let mut app = app(script);
            let before = app.snapshot();
            assert!(
                app.play_script().is_some_and(|r| r.is_err_and(|e| e.contains(why))),
                "{script}"
            );
            assert_eq!(app.snapshot(), before);
        }
        assert_eq!(App::new(Lang::En, "").play_script(), None);
    }
}
