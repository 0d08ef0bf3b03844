//! What an author pastes to have a session in a page of documentation: for plain HTML, and for
//! generators of pages as they take it. Whatever the address and the title hold, they stay an
//! attribute's text.

use crate::app::App;
use crate::words::Lang;

/// For what kind of page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snippet {
    /// HTML: a sandboxed frame, no script in the page around.
    Iframe,
    /// HTML: the custom element, which is as high as what it shows.
    Element,
    /// A chapter of mdBook.
    MdBook,
    /// A page of Docusaurus: MDX, where attributes are those of JSX.
    Docusaurus,
    /// A page of Hugo, and the shortcode that it uses: Hugo leaves HTML out of Markdown.
    Hugo,
    /// Markdown where frames are left out (a README, a wiki): a still picture that is a link.
    Markdown,
}

/// What the embed shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// The picture.
    #[default]
    Diagram,
    /// The picture, and the rules beside it.
    Split,
    /// The rules.
    Rules,
    /// The packet's layers.
    Packet,
}

impl Shown {
    /// All.
    pub const ALL: [Self; 4] = [Self::Diagram, Self::Split, Self::Rules, Self::Packet];

    /// As the address says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Diagram => "diagram",
            Self::Split => "split",
            Self::Rules => "rules",
            Self::Packet => "packet",
        }
    }

    /// From what the address says.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// What may happen in the frame: its scripts, and links that open another window.
const SANDBOX: &str = "allow-scripts allow-popups allow-popups-to-escape-sandbox";
/// The height of a frame, in pixels.
const HEIGHT: u32 = 480;

impl Snippet {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 6] =
        [Self::Iframe, Self::Element, Self::MdBook, Self::Docusaurus, Self::Hugo, Self::Markdown];

    /// Its name, that of the program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iframe => "HTML: iframe",
            Self::Element => "HTML: <packet-walk>",
            Self::MdBook => "mdBook",
            Self::Docusaurus => "Docusaurus",
            Self::Hugo => "Hugo",
            Self::Markdown => "Markdown",
        }
    }

    /// Its name in a command.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Iframe => "iframe",
            Self::Element => "element",
            Self::MdBook => "mdbook",
            Self::Docusaurus => "docusaurus",
            Self::Hugo => "hugo",
            Self::Markdown => "markdown",
        }
    }

    /// What is pasted. `page` is the address of the page, `link` the session behind it.
    pub fn text(self, page: &str, link: &str, title: &str, shown: Shown) -> String {
        let home = home(page);
        let query =
            if shown == Shown::Diagram { String::new() } else { format!("?view={}", shown.name()) };
        let (src, whole) =
            (address(&format!("{home}embed.html{query}{link}")), address(&format!("{home}{link}")));
        let title = words(title);
        let frame = format!(
            "title=\"{title}\" width=\"100%\" height=\"{HEIGHT}\" loading=\"lazy\" frameborder=\"0\" sandbox=\"{SANDBOX}\""
        );
        match self {
            Self::Iframe => format!("<iframe src=\"{src}\" {frame}></iframe>\n"),
            Self::Element => {
                let js = address(&format!("{home}packet-walk.js"));
                let view = if shown == Shown::Diagram {
                    String::new()
                } else {
                    format!(" view=\"{}\"", shown.name())
                };
                format!(
                    "<script src=\"{js}\" defer></script>\n<packet-walk src=\"{whole}\" label=\"{title}\"{view}><a href=\"{whole}\">{title}</a></packet-walk>\n"
                )
            }
            // A line that begins with a tag of a block is HTML, to the next empty line.
            Self::MdBook => format!("<div>\n<iframe src=\"{src}\" {frame}></iframe>\n</div>\n"),
            Self::Docusaurus => format!(
                "<iframe src=\"{src}\" title=\"{title}\" width=\"100%\" height=\"{HEIGHT}\" loading=\"lazy\" sandbox=\"{SANDBOX}\" style={{{{border: 0}}}} />\n"
            ),
            Self::Hugo => format!("{{{{< packetwalk src=\"{src}\" title=\"{title}\" >}}}}\n"),
            Self::Markdown => format!("[![{title}](packetwalk.svg)](<{whole}>)\n"),
        }
    }
}

/// Hugo's shortcode, for `layouts/shortcodes/packetwalk.html`.
pub fn shortcode() -> String {
    format!(
        "<iframe src=\"{{{{ .Get \"src\" }}}}\" title=\"{{{{ .Get \"title\" }}}}\" width=\"100%\" height=\"{HEIGHT}\" loading=\"lazy\" frameborder=\"0\" sandbox=\"{SANDBOX}\"></iframe>\n"
    )
}

/// What the frame is called: who sends to whom.
pub fn title(app: &App) -> String {
    let (Some(l), Some(r)) = (&app.loaded, app.run()) else { return "Packetwalk".to_owned() };
    let (addr, port) = r.to;
    let to = if port == 0 { addr.to_string() } else { format!("{addr}:{port}") };
    match app.lang {
        Lang::En => format!("Packetwalk: {} to {to}", l.labels.name(r.from)),
        Lang::Ja => format!("Packetwalk: {} から {to} へ", l.labels.name(r.from)),
    }
}

/// The folder of a page's address. What stands behind its last slash is a file if it has an ending;
/// else it is a folder whose slash was left out, as is a host alone.
fn home(page: &str) -> String {
    let page = page.split(['?', '#']).next().unwrap_or_default();
    let path = page.find("://").map_or(0, |i| i + 3);
    match page[path..].rfind('/') {
        Some(i) if page[path + i..].contains('.') => page[..path + i + 1].to_owned(),
        None if path == 0 => String::new(),
        _ if page.ends_with('/') => page.to_owned(),
        _ => format!("{page}/"),
    }
}

/// An address for an attribute in HTML, JSX, a shortcode or Markdown. Every sign that one of them
/// could read has another spelling behind the host (RFC 3986, section 2.1), so that nothing of it
/// is lost.
fn address(text: &str) -> String {
    let path = text
        .find("://")
        .and_then(|i| text[i + 3..].find('/').map(|k| i + 3 + k))
        .unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    for (i, c) in text.char_indices() {
        match c {
            '&' => out.push_str("&amp;"),
            c if c.is_ascii_alphanumeric() || "-._~/:?=#%+,;!*@".contains(c) => out.push(c),
            // An address of six in its brackets.
            '[' | ']' if i < path => out.push(c),
            c => out.extend(c.to_string().bytes().map(|b| format!("%{b:02X}"))),
        }
    }
    out
}

/// A title for such an attribute: letters, digits, and signs that none of them reads.
fn words(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_alphanumeric() || " .,:/-_".contains(c) { c } else { ' ' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_of_each_kind() {
        let of = |s: Snippet| {
            s.text(
                "https://example.org/net/index.html?x",
                "#v1:abc",
                "Packetwalk: a to b",
                Shown::Split,
            )
        };
        assert!(
            of(Snippet::Iframe)
                .starts_with("<iframe src=\"https://example.org/net/embed.html?view=split#v1:abc\" title=\"Packetwalk: a to b\"")
        );
        assert!(
            of(Snippet::Iframe)
                .contains("sandbox=\"allow-scripts allow-popups allow-popups-to-escape-sandbox\"")
        );
        assert!(
            of(Snippet::Element)
                .contains("<packet-walk src=\"https://example.org/net/#v1:abc\" label=\"Packetwalk: a to b\" view=\"split\">")
        );
        assert!(of(Snippet::MdBook).starts_with("<div>\n<iframe "));
        assert!(of(Snippet::Docusaurus).contains("style={{border: 0}} />"));
        assert_eq!(
            of(Snippet::Hugo),
            "{{< packetwalk src=\"https://example.org/net/embed.html?view=split#v1:abc\" title=\"Packetwalk: a to b\" >}}\n"
        );
        assert_eq!(
            of(Snippet::Markdown),
            "[![Packetwalk: a to b](packetwalk.svg)](<https://example.org/net/#v1:abc>)\n"
        );
        assert!(shortcode().starts_with("<iframe src=\"{{ .Get \"src\" }}\""));
    }

    #[test]
    fn nothing_gets_out_of_its_attribute() {
        let hostile = "\"><script>alert(1)</script>{{evil}}`]()\n' onload='x";
        for kind in Snippet::ALL {
            let text = kind.text(
                &format!("https://example.org/{hostile}/"),
                "#v1:abc",
                hostile,
                Shown::Diagram,
            );
            for bad in ["<script>", "{evil", "onload='", "`", "](", "\"\"", "\">\"", "alert("] {
                let there = text.matches(bad).count();
                // Markdown's own.
                let own = if bad == "](" && kind == Snippet::Markdown { 2 } else { 0 };
                assert_eq!(there, own, "{kind:?} {bad} {text}");
            }
        }
        for (page, folder) in [
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/"),
            ("https://example.org", "https://example.org/"),
            ("https://example.org/packetwalk", "https://example.org/packetwalk/"),
            ("https://example.org/net/index.html?x#y", "https://example.org/net/"),
            ("/net/", "/net/"),
            ("", ""),
        ] {
            assert_eq!(home(page), folder);
        }
        assert_eq!(
            address("https://example.org/a b(c)/&\"図"),
            "https://example.org/a%20b%28c%29/&amp;%22%E5%9B%B3"
        );
        assert_eq!(address("http://[::1]:8080/[x]"), "http://[::1]:8080/%5Bx%5D");
    }
}
