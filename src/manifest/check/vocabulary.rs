//! What the platform is known to have (kore-api 2.0 and 3.5). The platform may know more: what is not listed here is
//! a warning, never an error.

use crate::facts::RoleType;

/// Levels of permissions that are switched.
const SWITCH: &[&str] = &["YES", "NO"];
/// Levels of permissions that are graded.
const GRADES: &[&str] = &["FULL", "VIEW", "NO"];

/// Admin permissions by their API name, over the generations of names seen.
const ADMIN: &[&str] = &[
    "Invite",
    "Import Users / Sync",
    "Directory Sync",
    "Manage Users",
    "Manage User Settings",
    "Manage Groups",
    "Manage Custom Admin Roles",
    "Manage Built-In Admin Roles",
    "Manage Bot Roles",
    "Manage App Roles",
    "Manage Deployment",
    "Enterprise Bots",
    "Enterprise Apps",
    "Consumer Bots",
    "Consumer Apps",
    "Smart Bots",
    "Smart Apps",
    "Preferences",
    "Single Sign On",
    "Kore.ai Connector",
    "Enterprise Key",
    "API Scopes",
    "View and Run Audit Reports",
    "View and Run Bot Chat History",
    "View and Run App Chat History",
    "Manage User Profile Fields",
    "Password Policies",
    "Domain Management",
    "Two-Factor Authentication",
];

/// Bot permissions that are graded, by their API name.
const BOT_GRADED: &[&str] = &[
    "Tasks",
    "Natural Language",
    "Knowledge Graph",
    "Testing",
    "Bot Developers",
    "Bot Settings",
    "Custom Dashboards",
    "Storyboard",
    "IntentDiscovery",
];

/// Bot permissions that are switched, by their API name.
const BOT_SWITCHED: &[&str] = &[
    "Bot Import",
    "Integrations & Extensions",
    "App Builder API Scopes",
    "Publish bot",
    "Channels",
    "Dashboard",
    "Bot Analytics",
];

/// Permissions of newer accounts (kore-api 3.10) that are graded.
const NEWER_GRADED: &[&str] = &[
    "Agent Dashboard",
    "Agent Scorecards & Attributes",
    "Agent access to dashboard & coaching assignments",
    "App Developers",
    "Conversational Intelligence",
    "Evaluation Forms and Metrics",
    "Quality AI Reporting",
];

/// Permissions of newer accounts that are graded, with `NONE` for nothing.
const NEWER_OPTIONAL: &[&str] = &[
    "API",
    "Agent AI Settings",
    "Agent Coaching - Configuration",
    "Agent Group Management",
    "Agent Settings",
    "Agent Status",
    "AgentAssist Settings",
    "Billing",
    "Channel Management",
    "Default Flows",
    "Disposition Management",
    "Flow Management",
    "Hours of Operation",
    "Language & Speech Control",
    "Proactive Web Campaigns",
    "Queue Settings",
    "Reports",
    "SMS Campaigns",
    "Secure Form Management",
    "Service Level - Configuration",
    "Service Level Configuration",
    "Skill Management",
    "Standard Responses",
    "Survey Management",
    "Transfer Routing Rules",
    "Use Case Management",
    "Voice Campaigns",
    "VoiceGateway Settings",
    "Waiting Experience",
    "Widget Management",
];

/// Permissions of newer accounts that are switched.
const NEWER_SWITCHED: &[&str] = &[
    "Access to Agent's Personal Dashboard",
    "Agent Channel Selection for Upcoming Interactions",
    "Agent Console Chat Timer Display Logic",
    "AgentAI Module",
    "Answers Module",
    "Assign Individual or Multiple Conversations",
    "Audio Calls in Messaging Conversations",
    "Automations Dashboard",
    "Automations Tab",
    "Bot Builder API Scopes",
    "Bot-led Interactions",
    "Call Dialing Stage Settings",
    "Campaign Module",
    "Change Queue for Conversations",
    "Change User Role",
    "Consult Call",
    "Consult Chat",
    "Cross Queue Data Access",
    "Desktop Layout Creation",
    "Desktop Layout Publishing",
    "Direct Outward Dialing",
    "Download Conversations",
    "Download Interactions Data",
    "Dynamic Queue Reprioritization",
    "Edit Disposition from Dashboard > Interactions",
    "Edit User Information",
    "Force Close Individual or Multiple Conversations",
    "Force Logout",
    "Internal Chat",
    "Join Conversation",
    "Listen and Whisper Conversation",
    "Manage Custom Profile Fields",
    "Manually Redact Sensitive Data",
    "Mark Offline",
    "Modify Queue Subscription",
    "Modify Skill Subscription",
    "Outbound Email",
    "Override Queue Transfer Restrictions in Monitor",
    "Profile",
    "Publish Bot",
    "Queues and Agents",
    "Receive Supervisor Support",
    "Request Supervisor Support",
    "Role Management",
    "Secure Form Data View",
    "Video Calls in Messaging Conversations",
    "Visibility of Captured Sentiment",
    "WFM Configuration Management",
];

/// Permissions of newer accounts with levels of their own.
const NEWER_OTHERS: &[(&str, &[&str])] = &[
    ("Agent Desktop Console", &["YES", "VIEW", "NO"]),
    ("Agent Playbook - Configuration", &["FULL", "NONE"]),
    ("Audit Allocation Creation", &["FULL", "NO"]),
    ("Auto QA", &["FULL", "NO"]),
    ("Dashboard Content", &["OWN", "ALL", "QUEUES"]),
    ("Monitor Console", &["YES", "VIEW", "NO"]),
    ("Monitor Queue Visibility", &["ALL", "SELF"]),
    ("QA Functionalities Access", &["FULL", "NO"]),
    ("User Management", &["FULL", "EDIT & DELETE", "EDIT", "VIEW", "VIEW & INVITE", "NONE"]),
];

/// Levels of permissions of newer accounts that are graded.
const OPTIONAL: &[&str] = &["FULL", "VIEW", "NONE"];

/// Roles every account has.
pub(super) fn built_in_roles(role_type: RoleType) -> &'static [&'static str] {
    match role_type {
        RoleType::Admin => &["Master Admin", "admin"],
        RoleType::Bot => {
            // The last two are those of contact-center accounts.
            &[
                "Bot Owner",
                "Bot Developer",
                "Bot Tester",
                "App Owner",
                "App Developer",
                "App Tester",
                "Supervisor",
                "Agent",
            ]
        }
    }
}

/// Every permission known for roles of this type.
pub fn permissions(role_type: RoleType) -> impl Iterator<Item = &'static str> {
    let lists: &[&[&str]] = match role_type {
        RoleType::Admin => &[ADMIN],
        RoleType::Bot => &[BOT_GRADED, BOT_SWITCHED, NEWER_GRADED, NEWER_OPTIONAL, NEWER_SWITCHED],
    };
    let others = if role_type == RoleType::Bot { NEWER_OTHERS } else { &[] };
    lists.iter().copied().flatten().copied().chain(others.iter().map(|(name, _)| *name))
}

/// The levels a known permission takes; `None` if the permission is not known.
pub(super) fn levels(role_type: RoleType, permission: &str) -> Option<&'static [&'static str]> {
    match role_type {
        RoleType::Admin => ADMIN.contains(&permission).then_some(SWITCH),
        RoleType::Bot if BOT_GRADED.contains(&permission) || NEWER_GRADED.contains(&permission) => {
            Some(GRADES)
        }
        RoleType::Bot if BOT_SWITCHED.contains(&permission) || NEWER_SWITCHED.contains(&permission) => {
            Some(SWITCH)
        }
        RoleType::Bot if NEWER_OPTIONAL.contains(&permission) => Some(OPTIONAL),
        RoleType::Bot => NEWER_OTHERS.iter().find(|(name, _)| *name == permission).map(|(_, levels)| *levels),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_listed_once_and_takes_levels() {
        for role_type in RoleType::ALL {
            let all: Vec<&str> = permissions(role_type).collect();
            for (at, name) in all.iter().enumerate() {
                assert!(!all[..at].contains(name), "{name} twice");
                assert!(levels(role_type, name).is_some_and(|levels| levels.len() > 1), "{name}");
            }
        }
        assert_eq!(levels(RoleType::Bot, "Billing"), Some(OPTIONAL));
        assert_eq!(levels(RoleType::Admin, "Billing"), None);
    }
}
