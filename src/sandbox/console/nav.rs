//! The side navigation: the modules of the console (3.1). Who may see an item is not said here but by its route.

use super::admin_context::AdminContext;
use super::icon::Icon;

/// A group of pages.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) title: &'static str,
    pub(super) icon: Icon,
    pub(super) items: &'static [Item],
}

/// A page.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) label: &'static str,
    pub(super) path: &'static str,
}

const fn item(label: &'static str, path: &'static str) -> Item {
    Item { label, path }
}

/// Every module, in the vendor's order.
pub(super) const MODULES: &[Module] = &[
    Module { title: "Dashboard", icon: Icon::Dashboard, items: &[item("Overview", "/Admin/dashboard")] },
    Module {
        title: "User Management",
        icon: Icon::People,
        items: &[
            item("Users", "/Admin/users"),
            item("Groups", "/Admin/groups"),
            item("Role Management", "/Admin/roles"),
            item("User Settings", "/Admin/user-settings"),
        ],
    },
    Module {
        title: "Bots Management",
        icon: Icon::Assistant,
        items: &[
            item("Deployment Requests", "/Admin/bots/deployment"),
            item("Enterprise Bots", "/Admin/bots/enterprise"),
            item("Consumer Bots", "/Admin/bots/consumer"),
            item("Smart Bots", "/Admin/bots/smart"),
            item("Preferences", "/Admin/bots/preferences"),
            item("Deleted Bots", "/Admin/bots/deleted"),
        ],
    },
    Module {
        title: "Enrollment",
        icon: Icon::Envelope,
        items: &[
            item("Invite", "/Admin/enrollment/invite"),
            item("Bulk Invite", "/Admin/enrollment/bulk-invite"),
            item("Import", "/Admin/enrollment/import"),
            item("Requests to join", "/Admin/enrollment/requests"),
        ],
    },
    Module {
        title: "Security & Control",
        icon: Icon::Shield,
        items: &[
            item("Single Sign On", "/Admin/security/sso"),
            item("Two-Factor Authentication", "/Admin/security/two-factor"),
            item("Enterprise Key", "/Admin/security/enterprise-key"),
            item("API Scopes", "/Admin/security/api-scopes"),
            item("Settings", "/Admin/security/settings"),
        ],
    },
    Module {
        title: "Analytics",
        icon: Icon::Chart,
        items: &[
            item("Audit Report", "/Admin/analytics/audit"),
            item("Bot Chat History", "/Admin/analytics/chat-history"),
        ],
    },
    Module { title: "Billing", icon: Icon::Card, items: &[item("Billing Sessions", "/Admin/billing")] },
];

/// A module as one administrator sees it.
pub(super) struct ShownModule {
    pub(super) title: &'static str,
    pub(super) icon: &'static str,
    pub(super) items: Vec<ShownItem>,
}

/// A page as one administrator sees it.
pub(super) struct ShownItem {
    pub(super) label: &'static str,
    pub(super) path: &'static str,
    pub(super) is_current: bool,
}

/// What a user may see; a module without pages for them is left out.
pub(super) fn shown_to(admin: &AdminContext<'_>) -> Vec<ShownModule> {
    let here = admin.incoming.path.as_str();
    let is_below =
        |path: &str| here.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    MODULES
        .iter()
        .map(|module| ShownModule {
            title: module.title,
            icon: module.icon.svg(),
            items: module
                .items
                .iter()
                .filter(|item| admin.may(item.path))
                .map(|item| ShownItem { label: item.label, path: item.path, is_current: is_below(item.path) })
                .collect(),
        })
        .filter(|module| !module.items.is_empty())
        .collect()
}
