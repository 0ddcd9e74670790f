//! Bot permissions of newer accounts, as section 3.10 of the notes lists them, with the levels of the five built-in roles,
//! and which of them are children of another.

/// Bot Owner, Bot Developer, Bot Tester, Supervisor, Agent.
pub(crate) const BUILT_IN: [&str; 5] = ["Bot Owner", "Bot Developer", "Bot Tester", "Supervisor", "Agent"];

/// Permissions that the built-in roles have at the same levels.
pub(crate) struct Permissions {
    /// The one whose level switches these off.
    pub(crate) parent: Option<&'static str>,
    /// One for each of [`BUILT_IN`]; an empty word: not stated.
    pub(crate) levels: [&'static str; 5],
    pub(crate) names: &'static [&'static str],
}

/// What is off when there is nothing to be off below.
const OFF: [&str; 3] = ["NO", "NONE", "VIEW"];

/// Whether children are off while their parent has this level. Full, Edit and Edit & Delete leave them be; so does Yes.
pub(crate) fn switches_off(level: &str) -> bool {
    OFF.contains(&level) || level == "VIEW & INVITE"
}

/// The parent of a permission.
pub(crate) fn parent_of(name: &str) -> Option<&'static str> {
    NEWER.iter().find(|found| found.parent.is_some() && found.names.contains(&name))?.parent
}

/// `FFVN-`: one letter a role. `.`: not stated.
const fn levels(letters: [u8; 5]) -> [&'static str; 5] {
    let mut levels = [""; 5];
    let mut at = 0;
    while at < 5 {
        levels[at] = match letters[at] {
            b'F' => "FULL",
            b'V' => "VIEW",
            b'Y' => "YES",
            b'N' => "NO",
            b'-' => "NONE",
            b'A' => "ALL",
            b'S' => "SELF",
            b'O' => "OWN",
            _ => "",
        };
        at += 1;
    }
    levels
}

const fn row(parent: Option<&'static str>, letters: &[u8; 5], names: &'static [&'static str]) -> Permissions {
    Permissions { parent, levels: levels(*letters), names }
}

const USERS: Option<&str> = Some("User Management");
const DESKTOP: Option<&str> = Some("Agent Desktop Console");
const MONITOR: Option<&str> = Some("Monitor Console");

/// All of them.
pub(crate) const NEWER: [Permissions; 48] = [
    row(
        None,
        b"FFVNN",
        &["Tasks", "Natural Language", "Knowledge Graph", "Testing", "Custom Dashboards", "Storyboard"],
    ),
    row(None, b"FVVNN", &["App Developers"]),
    row(None, b"FFNNN", &["Bot Settings"]),
    row(None, b"FFFNN", &["IntentDiscovery"]),
    row(None, b"FFF--", &["Use Case Management"]),
    row(None, b"YYYNN", &["Dashboard", "Bot Analytics", "Automations Tab"]),
    row(None, b"YYYYN", &["Automations Dashboard"]),
    row(
        None,
        b"YYNNN",
        &["Bot Builder API Scopes", "Integrations & Extensions", "Publish Bot", "Bot Import"],
    ),
    row(
        None,
        b"FFF--",
        &[
            "Waiting Experience",
            "Hours of Operation",
            "Flow Management",
            "Default Flows",
            "Transfer Routing Rules",
            "AgentAssist Settings",
            "Agent Coaching - Configuration",
            "Agent Playbook - Configuration",
        ],
    ),
    row(None, b"FFFF-", &["Queue Settings", "Service Level - Configuration"]),
    row(None, b"FFVFN", &["User Management"]),
    row(USERS, b"YYNNN", &["Manage Custom Profile Fields"]),
    row(USERS, b"YYNYN", &["Edit User Information"]),
    row(None, b"YYYYN", &["Change User Role"]),
    row(None, b"FFFF-", &["Agent Status", "Agent Settings", "Skill Management", "Agent Group Management"]),
    row(Some("Agent Settings"), b"YYYYN", &["Agent Console Chat Timer Display Logic"]),
    row(None, b"YYYYY", &["Visibility of Captured Sentiment"]),
    row(None, b".....", &["Role Management"]),
    row(None, b"YYYYY", &["Agent Desktop Console"]),
    row(
        DESKTOP,
        b"YYYYY",
        &[
            "Internal Chat",
            "Audio Calls in Messaging Conversations",
            "Video Calls in Messaging Conversations",
            "Request Supervisor Support",
            "Consult Call",
            "Consult Chat",
        ],
    ),
    row(
        DESKTOP,
        b"YYYYN",
        &[
            "Desktop Layout Creation",
            "Desktop Layout Publishing",
            "Receive Supervisor Support",
            "Direct Outward Dialing",
            "Outbound Email",
            "Queues and Agents",
            "Secure Form Data View",
        ],
    ),
    row(
        DESKTOP,
        b"YYNYN",
        &["Modify Skill Subscription", "Modify Queue Subscription", "Manually Redact Sensitive Data"],
    ),
    row(DESKTOP, b"YYNNN", &["Agent Channel Selection for Upcoming Interactions"]),
    row(DESKTOP, b"NNNNN", &["Call Dialing Stage Settings", "Access to Agent's Personal Dashboard"]),
    row(DESKTOP, b"FFFF-", &["Widget Management", "Secure Form Management"]),
    row(DESKTOP, b"FFF--", &["Survey Management", "Disposition Management", "Standard Responses"]),
    row(None, b"YYYYN", &["Monitor Console"]),
    row(
        MONITOR,
        b"YYYYN",
        &[
            "Join Conversation",
            "Listen and Whisper Conversation",
            "Force Logout",
            "Change Queue for Conversations",
            "Assign Individual or Multiple Conversations",
            "Force Close Individual or Multiple Conversations",
            "Profile",
            "Mark Offline",
            "Edit Disposition from Dashboard > Interactions",
            "Download Interactions Data",
            "Dynamic Queue Reprioritization",
        ],
    ),
    row(MONITOR, b"YYNYN", &["Bot-led Interactions"]),
    row(MONITOR, b"NNNNN", &["Override Queue Transfer Restrictions in Monitor"]),
    row(MONITOR, b"AAASS", &["Monitor Queue Visibility"]),
    row(MONITOR, b"AAAAO", &["Dashboard Content"]),
    row(
        MONITOR,
        b"FFFF-",
        &[
            "Reports",
            "Voice Campaigns",
            "Proactive Web Campaigns",
            "SMS Campaigns",
            "Service Level Configuration",
        ],
    ),
    row(None, b"FFF--", &["Channel Management", "API", "Agent AI Settings"]),
    row(None, b"F----", &["Billing"]),
    row(None, b"FFFF-", &["Language & Speech Control"]),
    row(None, b"FF-F-", &["VoiceGateway Settings"]),
    row(None, b"YYYNN", &["WFM Configuration Management"]),
    row(None, b"YYYNN", &["Answers Module", "AgentAI Module"]),
    row(None, b"YYNYN", &["Campaign Module"]),
    row(None, b"YYYY.", &["Cross Queue Data Access", "Download Conversations"]),
    row(None, b"FYNNN", &["Auto QA"]),
    row(None, b"FFVVN", &["Conversational Intelligence"]),
    row(None, b"FFVFN", &["Evaluation Forms and Metrics", "Agent Scorecards & Attributes"]),
    row(None, b"FFNFN", &["Audit Allocation Creation"]),
    row(None, b"FFFFN", &["QA Functionalities Access"]),
    row(None, b".FF..", &["Quality AI Reporting", "Agent access to dashboard & coaching assignments"]),
    row(None, b"NNNNF", &["Agent Dashboard"]),
];

/// The levels beyond the four older words, as the builder's page shows them.
const NEWER_WORDS: [&str; 8] =
    ["None", "All", "Self", "Own", "Queues", "Edit", "Edit & Delete", "View & Invite"];
const OLDER_WORDS: [&str; 4] = ["FULL", "VIEW", "YES", "NO"];

/// A level in capitals, whatever case it came in; what is no known level stays as it is.
pub(crate) fn stored_level(level: &str) -> String {
    let capitals = level.trim().to_ascii_uppercase();
    let is_known = OLDER_WORDS.contains(&capitals.as_str())
        || NEWER_WORDS.iter().any(|word| word.eq_ignore_ascii_case(&capitals));
    if is_known { capitals } else { level.to_owned() }
}

/// A newer level as the builder's page shows it; the older ones stay.
pub(crate) fn shown_level(level: &str) -> &str {
    NEWER_WORDS.into_iter().find(|word| word.eq_ignore_ascii_case(level)).unwrap_or(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_child_has_a_parent_that_is_listed_once() {
        let names: Vec<&str> = NEWER.iter().flat_map(|row| row.names).copied().collect();
        for (at, name) in names.iter().enumerate() {
            assert!(!names[..at].contains(name), "{name} twice");
        }
        for parent in NEWER.iter().filter_map(|row| row.parent) {
            assert!(names.contains(&parent) && parent_of(parent).is_none(), "{parent}");
        }
        assert_eq!(parent_of("Edit User Information"), Some("User Management"));
        assert!(switches_off("VIEW & INVITE") && !switches_off("EDIT & DELETE") && !switches_off("YES"));
    }

    #[test]
    fn a_level_is_known_in_any_case_and_the_older_words_stay_as_they_are() {
        assert_eq!(stored_level("View & invite"), "VIEW & INVITE");
        assert_eq!((shown_level("VIEW & INVITE"), shown_level("VIEW")), ("View & Invite", "VIEW"));
        assert_eq!((stored_level("Whatever"), shown_level("Whatever")), ("Whatever".to_owned(), "Whatever"));
    }
}
