//! The panes around the picture: which are open, and how large the reader made them.

use std::fmt;

/// A pane around the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The editor, at the left.
    Editor,
    /// The inspector, at the right.
    Inspector,
    /// The drawer, below.
    Drawer,
}

impl Side {
    const ALL: [Self; 3] = [Self::Editor, Self::Inspector, Self::Drawer];

    /// Its name in the page and in storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Editor => "editor",
            Self::Inspector => "inspector",
            Self::Drawer => "drawer",
        }
    }
    /// The sizes that it can have, in CSS pixels: a width, or the drawer's height.
    pub const fn range(self) -> (u16, u16) {
        match self {
            Self::Editor => (220, 720),
            Self::Inspector => (240, 720),
            Self::Drawer => (120, 600),
        }
    }
}

/// Whether a pane at a side of the picture is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fold {
    /// The reader has not chosen; the style sheet decides by the width of the page.
    #[default]
    Auto,
    /// Open.
    Open,
    /// Folded to a rail.
    Folded,
}

impl Fold {
    const ALL: [(Self, &str); 3] =
        [(Self::Auto, "auto"), (Self::Open, "open"), (Self::Folded, "folded")];

    /// Its name in the page and in storage.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(fold, _)| *fold == self).map_or("", |(_, name)| name)
    }
}

/// What the drawer contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawer {
    /// The track and the events.
    Events,
    /// The terminal.
    Terminal,
    /// The steps of the session.
    Script,
}

impl Drawer {
    const ALL: [(Self, &str); 3] =
        [(Self::Events, "events"), (Self::Terminal, "terminal"), (Self::Script, "script")];
}

/// The panes around the picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panes {
    /// The editor.
    pub editor: Fold,
    /// The inspector.
    pub inspector: Fold,
    /// The drawer; none while it is closed.
    pub drawer: Option<Drawer>,
    sizes: [Option<u16>; 3],
}

impl Panes {
    /// The size that the reader gave a pane.
    pub fn size(&self, side: Side) -> Option<u16> {
        self.sizes[side as usize]
    }
    /// Sets the size of a pane, within its range.
    pub fn resize(&mut self, side: Side, size: u16) {
        let (least, most) = side.range();
        self.sizes[side as usize] = Some(size.clamp(least, most));
    }
    /// The name of the drawer's state in the page and in storage.
    pub fn drawer_name(&self) -> &'static str {
        let named = Drawer::ALL.iter().find(|(drawer, _)| self.drawer == Some(*drawer));
        named.map_or("closed", |(_, name)| name)
    }
    /// Reads what `Display` wrote; what it does not know is left as it is by default.
    pub fn parse(text: &str) -> Self {
        let mut this = Self::default();
        for (name, value) in text.split(';').filter_map(|part| part.split_once('=')) {
            let fold = Fold::ALL.iter().find(|(_, name)| *name == value).map(|(fold, _)| *fold);
            match name {
                "editor" => this.editor = fold.unwrap_or_default(),
                "inspector" => this.inspector = fold.unwrap_or_default(),
                "drawer" => {
                    let named = Drawer::ALL.iter().find(|(_, name)| *name == value);
                    this.drawer = named.map(|(drawer, _)| *drawer);
                }
                _ => {
                    let side = Side::ALL.iter().find(|s| name.strip_prefix("--") == Some(s.name()));
                    if let (Some(side), Ok(size)) = (side, value.trim_end_matches("px").parse()) {
                        this.resize(*side, size);
                    }
                }
            }
        }
        this
    }
}

/// As guard.js reads it: attributes and custom properties of the root element.
impl fmt::Display for Panes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "editor={};inspector={}", self.editor.name(), self.inspector.name())?;
        write!(f, ";drawer={}", self.drawer_name())?;
        let mut sized = Side::ALL.into_iter().filter_map(|side| Some((side, self.size(side)?)));
        sized.try_for_each(|(side, size)| write!(f, ";--{}={size}px", side.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_are_read_as_they_were_written() {
        let mut panes = Panes { editor: Fold::Folded, ..Panes::default() };
        panes.drawer = Some(Drawer::Terminal);
        panes.resize(Side::Drawer, 9_000);
        let text = panes.to_string();
        assert_eq!(text, "editor=folded;inspector=auto;drawer=terminal;--drawer=600px");
        assert_eq!(Panes::parse(&text), panes);
        assert_eq!(Panes::parse("editor=;x;--drawer=wide"), Panes::default());
    }
}
