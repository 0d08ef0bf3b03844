//! Snippets that embed a session in a page of documentation: for plain HTML, and for the generators
//! that take HTML in another form. Address and title are quoted for the place they stand in.
//!
//! The address of a frame holds the session and, behind it, its picture, so that readers see the
//! picture before anything is computed: `embed.html#v2:SESSION;poster=SVG`.

use crate::app::{App, Theme, link};
use crate::svg;
use crate::words;

/// The kind of page that a snippet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snippet {
    /// HTML: a sandboxed frame; the parent page needs no script.
    Iframe,
    /// HTML: the custom element, whose height follows its content.
    Element,
    /// mdBook, whose Markdown may contain HTML.
    MdBook,
    /// Docusaurus: MDX, with the attributes of JSX.
    Docusaurus,
    /// Hugo, by a shortcode: Hugo drops HTML in Markdown.
    Hugo,
    /// Markdown without frames (a README, a wiki): a picture that links to the page.
    Markdown,
}

/// The panes that an embed shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// The picture alone.
    #[default]
    Diagram,
    /// The picture with the rules beside it.
    Split,
    /// The rules alone.
    Rules,
    /// The layers of the followed packet, as headers and bytes.
    Packet,
}

impl Shown {
    /// Every value, with the default first.
    pub const ALL: [Self; 4] = [Self::Diagram, Self::Split, Self::Rules, Self::Packet];

    /// The value of `view=` in an embed's address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Diagram => "diagram",
            Self::Split => "split",
            Self::Rules => "rules",
            Self::Packet => "packet",
        }
    }

    /// The value with this name; the inverse of [`Self::name`].
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// The longest picture in an address, in characters; usual ones have 8,000.
const MOST_PICTURE: usize = 40_000;

/// The picture of a session's moment, to be appended to its link in the address of a frame: a zlib
/// stream of SVG in base64url, as the session. Empty if it would be too long.
pub fn poster(app: &App, link: &str) -> String {
    // What the link leaves out is not in the picture.
    let Ok(mut shared) = link::open(link, app) else { return String::new() };
    shared.chrome.theme = Theme::System;
    let picture = svg::moment(&shared).map(|svg| link::packed(&svg));
    picture.filter(|p| p.len() <= MOST_PICTURE).map_or(String::new(), |p| format!(";poster={p}"))
}

/// The `sandbox` attribute of a frame: scripts, and links that open a new window.
const SANDBOX: &str = "allow-scripts allow-popups allow-popups-to-escape-sandbox";
/// The height of a frame, in pixels.
const HEIGHT: u32 = 480;

impl Snippet {
    /// Every kind, in the order of the menu.
    pub const ALL: [Self; 6] =
        [Self::Iframe, Self::Element, Self::MdBook, Self::Docusaurus, Self::Hugo, Self::Markdown];

    /// Its name in the menu.
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

    /// Its name on the command line.
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

    /// The snippet. `page` is the address of the page, `link` the fragment with the session,
    /// `poster` its picture.
    pub fn text(
        self,
        page: &str,
        (link, poster): (&str, &str),
        title: &str,
        shown: Shown,
    ) -> String {
        let home = home(page);
        let query =
            if shown == Shown::Diagram { String::new() } else { format!("?view={}", shown.name()) };
        let src = address(&format!("{home}embed.html{query}{link}{poster}"));
        let whole = address(&format!("{home}{link}"));
        let title = quoted(title);
        match self {
            Self::Iframe => format!("<iframe {}></iframe>\n", frame(&src, &title, NO_BORDER)),
            Self::Element => {
                let js = address(&format!("{home}packet-walk.js"));
                let view = if shown == Shown::Diagram {
                    String::new()
                } else {
                    format!(" view=\"{}\"", shown.name())
                };
                format!(
                    "<script src=\"{js}\" defer></script>\n\
                     <packet-walk src=\"{whole}{poster}\" label=\"{title}\"{view}>\
                     <a href=\"{whole}\">{title}</a></packet-walk>\n"
                )
            }
            // CommonMark: a line that begins with a block tag starts HTML.
            Self::MdBook => {
                let frame = frame(&src, &title, NO_BORDER);
                format!("<div>\n<iframe {frame}></iframe>\n</div>\n")
            }
            Self::Docusaurus => {
                format!("<iframe {} style={{{{border: 0}}}} />\n", frame(&src, &title, ""))
            }
            Self::Hugo => format!("{{{{< packetwalk src=\"{src}\" title=\"{title}\" >}}}}\n"),
            Self::Markdown => format!("[![{title}](packetwalk.svg)](<{whole}>)\n"),
        }
    }
}

/// The shortcode of `Snippet::Hugo`, for `layouts/shortcodes/packetwalk.html`.
pub fn shortcode() -> String {
    let frame = frame("{{ .Get \"src\" }}", "{{ .Get \"title\" }}", NO_BORDER);
    format!("<iframe {frame}></iframe>\n")
}

/// What a frame in plain HTML has besides; JSX does not know it.
const NO_BORDER: &str = "frameborder=\"0\" ";

/// The attributes of a frame.
fn frame(src: &str, title: &str, border: &str) -> String {
    format!(
        "src=\"{src}\" title=\"{title}\" width=\"100%\" height=\"{HEIGHT}\" \
         loading=\"lazy\" {border}sandbox=\"{SANDBOX}\""
    )
}

/// The title of the frame: who sends to whom.
pub fn title(app: &App) -> String {
    let (Some(l), Some(r)) = (&app.session.loaded, app.run()) else {
        return "Packetwalk".to_owned();
    };
    let to = match r.to {
        Some((addr, 0)) => addr.to_string(),
        Some((addr, port)) => format!("{addr}:{port}"),
        None => "?".to_owned(),
    };
    words::embed_title(l.labels.name(r.from), &to, app.chrome.lang)
}

/// The folder of a page's address. The last segment is a file if it has an extension; without one
/// it is a folder.
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

/// An address for an attribute in HTML, JSX, a shortcode or Markdown. Characters that one of them
/// interprets are percent-encoded (RFC 3986, section 2.1), except in the host.
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
            // An IPv6 address in its brackets.
            '[' | ']' if i < path => out.push(c),
            c => out.extend(c.to_string().bytes().map(|b| format!("%{b:02X}"))),
        }
    }
    out
}

/// A title for such an attribute: letters, digits, and characters that none of them interprets.
fn quoted(text: &str) -> String {
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
                ("#v2:abc", ";poster=p"),
                "Packetwalk: a to b",
                Shown::Split,
            )
        };
        let src = "https://example.org/net/embed.html?view=split#v2:abc;poster=p";
        assert!(
            of(Snippet::Iframe)
                .starts_with(&format!("<iframe src=\"{src}\" title=\"Packetwalk: a to b\""))
        );
        assert!(
            of(Snippet::Iframe)
                .contains("sandbox=\"allow-scripts allow-popups allow-popups-to-escape-sandbox\"")
        );
        assert!(of(Snippet::Element).contains(
            "<packet-walk src=\"https://example.org/net/#v2:abc;poster=p\" \
                     label=\"Packetwalk: a to b\" view=\"split\">"
        ));
        assert!(of(Snippet::MdBook).starts_with("<div>\n<iframe "));
        assert!(of(Snippet::Docusaurus).contains("style={{border: 0}} />"));
        assert_eq!(
            of(Snippet::Hugo),
            format!("{{{{< packetwalk src=\"{src}\" title=\"Packetwalk: a to b\" >}}}}\n")
        );
        assert_eq!(
            of(Snippet::Markdown),
            "[![Packetwalk: a to b](packetwalk.svg)](<https://example.org/net/#v2:abc>)\n"
        );
        assert!(shortcode().starts_with("<iframe src=\"{{ .Get \"src\" }}\""));
    }

    #[test]
    fn nothing_gets_out_of_its_attribute() {
        let hostile = "\"><script>alert(1)</script>{{evil}}`]()\n' onload='x";
        for kind in Snippet::ALL {
            let text = kind.text(
                &format!("https://example.org/{hostile}/"),
                ("#v2:abc", ""),
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
