//! Icons: drawn for this console, inlined into the pages so that they take the colour of the text.

/// An icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Icon {
    Dashboard,
    Envelope,
    People,
    Shield,
}

impl Icon {
    /// Its markup; hidden from screen readers, because a label stands beside it.
    pub(super) fn svg(self) -> &'static str {
        match self {
            Self::Dashboard => include_str!("assets/icons/dashboard.svg"),
            Self::Envelope => include_str!("assets/icons/envelope.svg"),
            Self::People => include_str!("assets/icons/people.svg"),
            Self::Shield => include_str!("assets/icons/shield.svg"),
        }
    }
}
