//! The page's style sheet of the picture with its variables written out, since many programs that
//! show SVG do not know `var()`.

use crate::app::Theme;

/// The variables: `--ink: light-dark(#15181d, #e9ecef);`
const TOKENS: &str = include_str!("../../styles/tokens.css");
/// The rules for the picture on the page, and for what only a file has.
const RULES: [&str; 2] =
    [include_str!("../../styles/diagram.css"), include_str!("../../styles/still.css")];

/// The style sheet of a file. `Theme::System` has both colours, by a media query.
pub(super) fn sheet(theme: Theme) -> String {
    match theme {
        Theme::Light => rules(false, false),
        Theme::Dark => rules(true, false),
        Theme::System => format!(
            "{}@media (prefers-color-scheme:dark){{\n{}}}\n",
            rules(false, false),
            rules(true, true)
        ),
    }
}

/// The rules, each limited to the picture and on a line of its own; with `only_colours` only the
/// declarations that differ between light and dark.
fn rules(dark: bool, only_colours: bool) -> String {
    let mut out = String::new();
    let uncommented = |css: &'static str| css.split("*/").filter_map(|c| c.split("/*").next());
    for css in RULES.into_iter().flat_map(uncommented) {
        for (selectors, body) in css.split('}').filter_map(|rule| rule.split_once('{')) {
            let kept = |d: &&str| !d.is_empty() && (!only_colours || of_colour(d));
            let body: Vec<String> =
                body.split(';').map(str::trim).filter(kept).map(|d| resolved(d, dark)).collect();
            if body.is_empty() {
                continue;
            }
            let selectors: Vec<String> = selectors
                .split(',')
                .map(str::trim)
                .map(|s| if s.starts_with(".picture") { s.into() } else { format!(".picture {s}") })
                .collect();
            out += &format!("{}{{{}}}\n", selectors.join(","), body.join(";"));
        }
    }
    out
}

/// Whether a declaration differs between light and dark.
fn of_colour(declaration: &str) -> bool {
    resolved(declaration, false) != resolved(declaration, true)
}

/// A declaration with its variables replaced.
fn resolved(declaration: &str, dark: bool) -> String {
    let mut out = declaration.to_owned();
    while let Some((before, rest)) = out.split_once("var(")
        && let Some((name, after)) = rest.split_once(')')
    {
        out = format!("{before}{}{after}", token(name, dark));
    }
    out
}

/// The value of a variable, on one line; empty if it does not exist, which a test excludes.
fn token(name: &str, dark: bool) -> String {
    let value = TOKENS.split_once(&format!("{name}:")).and_then(|(_, rest)| rest.split_once(';'));
    let value = value.map_or("", |(value, _)| value.trim());
    let colours = value.strip_prefix("light-dark(").and_then(|v| v.strip_suffix(')'));
    let value = match colours.and_then(|v| v.split_once(", ")) {
        Some((_, in_dark)) if dark => in_dark,
        Some((in_light, _)) => in_light,
        None => value,
    };
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_written_out_in_both_colours() {
        for theme in [Theme::Light, Theme::Dark, Theme::System] {
            let sheet = sheet(theme);
            assert!(!sheet.contains("var(") && !sheet.contains("light-dark"), "{sheet}");
            assert!(
                !sheet.contains(":;") && !sheet.contains(": ;") && !sheet.contains(":}"),
                "{sheet}"
            );
            assert!(sheet.lines().count() > 80, "{sheet}");
        }
        assert!(sheet(Theme::Light).contains(".picture .node-card{fill: #fff;stroke: #c3c9d1}"));
        assert!(sheet(Theme::Dark).contains(".picture .node-card{fill: #14171b;stroke: #3f4853}"));
        let both = sheet(Theme::System);
        let (light, dark) = both.split_once("@media (prefers-color-scheme:dark)").expect("two");
        assert!(
            light.contains(".picture .dev-name{") && !dark.contains(".dev-name"),
            "a weight is the same in the dark"
        );
        assert!(dark.contains(".picture .node-card{"));
    }
}
