//! One switch per open question of the vendor's documentation that the engine could notice.
//!
//! Numbers in the field docs are rows of section 4 of the `kore-api` notes (or its section where a question
//! comes up elsewhere). Each default is the notes' recommendation, or the reading they call likelier. Property
//! tests draw [`Dialect::from_seed`], so a promise that holds only under one reading does not survive.

use super::error::SandboxError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Declares a closed set of readings: its words on the command line, and the list that seeds draw from.
macro_rules! readings {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? } default $default:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every reading.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
        }

        impl Default for $name {
            fn default() -> Self { Self::$default }
        }
    };
}

readings!(
    /// Which generation of the vendor's answers is spoken.
    Generation {
        /// Complete samples, plural wording, no counters.
        Older,
        /// Singular wording, per-user entries, counters in every element.
        Newer,
    } default Older
);
readings!(
    /// What PUT users does with `assignBotTasks` entries that name a bot.
    PutAssignments {
        /// The list becomes the user's whole assignment.
        Replaces,
        /// The list is added to what is there.
        Adds,
    } default Replaces
);
readings!(
    /// What becomes of a binding or assignment written for a user who has not joined.
    WhilePending {
        /// Stored and shown at once.
        Stored,
        /// Stored, shown once the user has joined.
        HiddenUntilJoined,
        /// Forgotten without a word.
        Dropped,
    } default Stored
);
readings!(
    /// How a page of a list is found from `offset`.
    OffsetCounts {
        /// `offset` is a page number.
        Pages,
        /// `offset` is a row number.
        Rows,
        /// `offset` is ignored: every call answers the first page.
        Nothing,
    } default Pages
);
readings!(
    /// What a `limit` over the maximum means.
    OverLimit {
        /// The maximum, silently.
        Clamped,
        /// The default page size, silently.
        DefaultSize,
        /// Refused with 400.
        Refused,
    } default Clamped
);
readings!(
    /// What usersInfo does with more addresses than it takes.
    OverUsersInfo {
        /// Refuses the call with 400.
        Refused,
        /// Answers for the first ones, silently.
        Truncated,
    } default Refused
);
readings!(
    /// What usersInfo answers for an address it does not know.
    UnknownUsers {
        /// A failure element.
        Failure,
        /// Nothing: the element is missing.
        Omitted,
    } default Failure
);
readings!(
    /// The order of usersInfo's elements.
    UsersInfoOrder {
        /// As asked.
        AsAsked,
        /// As stored.
        AsStored,
    } default AsAsked
);
readings!(
    /// How a role of an import file finds the role it means.
    RoleMatch {
        /// By `refId`, else by type and name.
        RefIdThenName,
        /// By `refId` alone.
        RefId,
        /// By type and name alone.
        Name,
    } default RefIdThenName
);
readings!(
    /// How a failure is explained in `reason`.
    ReasonShape {
        /// The whole object.
        Full,
        /// An object with `errors` alone.
        ErrorsOnly,
        /// A plain string.
        Text,
    } default Full
);
readings!(
    /// How permission values are written.
    PermissionShape {
        /// Strings in admin roles, one-element arrays in bot roles.
        Documented,
        /// Strings everywhere.
        Strings,
        /// One-element arrays everywhere.
        Arrays,
    } default Documented
);
readings!(
    /// How a role held directly and through groups is shown.
    HeldBothWays {
        /// One entry that names the groups.
        Once,
        /// Two entries, one of them without groups.
        Twice,
        /// One entry without groups: the inheritance is not seen.
        OnceAsDirect,
    } default Once
);
readings!(
    /// What happens to an assignment of a bot that is not published to the enterprise.
    Unassignable {
        /// The entry fails.
        Failure,
        /// Ignored without a word.
        Ignored,
        /// Stored like any other.
        Stored,
    } default Failure
);
readings!(
    /// What POST users does with a user who is in the account already.
    ExistingUser {
        /// The entry fails.
        Failure,
        /// Success, and nothing changes.
        Unchanged,
        /// Success, and the entry is written over what is there.
        Updated,
    } default Failure
);
readings!(
    /// What missing access flags mean.
    MissingFlags {
        /// Both count as true.
        True,
        /// What is stored stays.
        Kept,
    } default True
);
readings!(
    /// The word for a suspended or locked user.
    SuspendedWord {
        /// `active`: they have joined.
        Active,
        /// `not active`.
        NotActive,
        /// `suspended` or `locked`.
        Own,
    } default Active
);
readings!(
    /// The purpose shown for an enterprise bot.
    EnterprisePurpose {
        /// `employee`, against `customer` for the others.
        Employee,
        /// `customer` like the others.
        Customer,
    } default Employee
);
readings!(
    /// The names of the built-in bot roles.
    BotRoleNames {
        /// `Bot Owner`, `Bot Developer`, `Bot Tester`.
        Bot,
        /// `App Owner`, `App Developer`, `App Tester`.
        App,
    } default Bot
);
readings!(
    /// The order of the audit log.
    AuditOrder {
        /// Oldest first, so `fetchAfter` brings what is newer.
        OldestFirst,
        /// Newest first, so `fetchAfter` brings what is older.
        NewestFirst,
    } default OldestFirst
);
readings!(
    /// Whether the assignment endpoints answer one element per element of the body.
    AssignmentAnswers {
        /// One per element.
        PerElement,
        /// A single one for all.
        Single,
    } default PerElement
);
readings!(
    /// Whether the windows are shared by all endpoints of an account.
    BudgetScope {
        /// One budget.
        Shared,
        /// One per endpoint.
        PerEndpoint,
    } default Shared
);

/// Declares the switches once: field, type, default, and what a seed draws from.
macro_rules! dialect {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $default:expr, $drawn:expr;)+) => {
        /// How this sandbox reads what the vendor leaves open. All fields are plain: change one, keep the rest.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Dialect { $($(#[$doc])* pub $field: $type,)+ }

        impl Default for Dialect {
            fn default() -> Self { Self { $($field: $default,)+ } }
        }

        impl Dialect {
            /// The names of all switches.
            pub const FIELDS: &'static [&'static str] = &[$(stringify!($field)),+];

            /// A dialect drawn from `seed`: every switch takes one of its readings. The same seed draws the
            /// same dialect.
            pub fn from_seed(seed: u64) -> Self {
                let mut draw = super::draw::Draw::new(seed);
                Self { $($field: *draw.one_of(&$drawn),)+ }
            }
        }
    };
}

const EITHER: [bool; 2] = [false, true];

dialect! {
    /// Which generation of answers is spoken (notes, section 0).
    generation: Generation = Generation::Older, Generation::ALL;
    /// Row 2: what PUT does with `assignBotTasks`.
    put_assignments: PutAssignments = PutAssignments::Replaces, PutAssignments::ALL;
    /// Row 2: an empty `assignBotTasks` array clears the assignment (else it keeps it, like an absent one).
    put_empty_assignments_clears: bool = false, EITHER;
    /// Row 3: assigning a bot that is not published to the enterprise.
    unassignable: Unassignable = Unassignable::Failure, Unassignable::ALL;
    /// Row 3: assignments written for a user who has not joined.
    pending_assignments: WhilePending = WhilePending::Stored, WhilePending::ALL;
    /// Row 3: roles written for a user who has not joined.
    pending_roles: WhilePending = WhilePending::Stored, WhilePending::ALL;
    /// Row 5: `sendEmail` inside a users entry is honoured as well as at the top level.
    send_email_in_entry: bool = true, EITHER;
    /// Row 9: how an imported role finds its match.
    role_match: RoleMatch = RoleMatch::RefIdThenName, RoleMatch::ALL;
    /// Row 9: an imported role that was there keeps its `_id` (else it gets a fresh one).
    import_keeps_ids: bool = true, EITHER;
    /// Row 12: Bot Owner can be granted and removed like any role (else refused).
    bot_owner_by_api: bool = false, EITHER;
    /// Row 13: Master Admin can be granted and removed by the API (else refused).
    master_admin_by_api: bool = true, [true];
    /// Row 13: Master Admin can be given to groups (else refused).
    master_admin_to_groups: bool = false, EITHER;
    /// Row 14: one bad user fails the whole assignment element (else only that user is left out).
    element_fails_whole: bool = true, EITHER;
    /// Row 14: the number of answers of the assignment endpoints.
    assignment_answers: AssignmentAnswers = AssignmentAnswers::PerElement, AssignmentAnswers::ALL;
    /// Row 15 and section 2.1: one bad entry fails the whole POST or PUT batch (else only that entry).
    batch_fails_whole: bool = false, EITHER;
    /// Section 2.0: the shape of `reason`.
    reason_shape: ReasonShape = ReasonShape::Full, ReasonShape::ALL;
    /// Row 16: POST for a user who is there already.
    existing_user: ExistingUser = ExistingUser::Failure, ExistingUser::ALL;
    /// Row 17: how many addresses usersInfo takes in one call.
    users_info_max: usize = 1000, [50, 100, 1000];
    /// Row 17: what it does with more.
    users_info_over_max: OverUsersInfo = OverUsersInfo::Refused, OverUsersInfo::ALL;
    /// Section 2.4: what it answers for unknown addresses.
    unknown_users: UnknownUsers = UnknownUsers::Failure, UnknownUsers::ALL;
    /// Section 2.4: the order of its elements.
    users_info_order: UsersInfoOrder = UsersInfoOrder::AsAsked, UsersInfoOrder::ALL;
    /// Section 2.0: the largest page of bots, groups and roles.
    page_max: usize = 50, [50];
    /// Section 2.0: the page size when `limit` is left out.
    page_default: usize = 50, [10, 20, 50];
    /// Row 18: the largest page of alluserroles.
    user_roles_max: usize = 50, [20, 50, 200];
    /// Row 18: what a `limit` over the maximum means.
    over_limit: OverLimit = OverLimit::Clamped, [OverLimit::Clamped, OverLimit::DefaultSize];
    /// Row 18: `offset` on alluserroles.
    user_roles_offset: OffsetCounts = OffsetCounts::Pages, OffsetCounts::ALL;
    /// Section 2.0: `offset` on groups.
    groups_offset: OffsetCounts = OffsetCounts::Pages, OffsetCounts::ALL;
    /// Row 19: `offset` on bots.
    bots_offset: OffsetCounts = OffsetCounts::Pages, OffsetCounts::ALL;
    /// Section 2.0: `total` differs between the pages of one listing.
    total_moves: bool = false, [false, false, false, true];
    /// Row 20: refused calls count against the windows.
    refused_calls_count: bool = false, EITHER;
    /// Row 20: whether the budget is shared by all endpoints.
    budget_scope: BudgetScope = BudgetScope::Shared, BudgetScope::ALL;
    /// Row 20: the status of a refusal.
    rate_limit_status: u16 = 429, [429, 400, 403];
    /// Row 20: a refusal carries `Retry-After`.
    retry_after: bool = true, EITHER;
    /// Row 20: the older, single wording of the refusal.
    older_rate_limit_text: bool = false, EITHER;
    /// Row 22: the purpose shown for enterprise bots.
    enterprise_purpose: EnterprisePurpose = EnterprisePurpose::Employee, EnterprisePurpose::ALL;
    /// Row 23: alluserroles lists people who have not joined.
    pending_in_user_roles: bool = true, EITHER;
    /// Row 23: groups list members who have not joined.
    pending_in_groups: bool = true, EITHER;
    /// Row 23: the system group `everyone` is listed.
    system_group_listed: bool = false, EITHER;
    /// Row 24: the status word for suspended and locked people.
    suspended_word: SuspendedWord = SuspendedWord::Active, SuspendedWord::ALL;
    /// Row 25: a role held directly and through groups.
    held_both_ways: HeldBothWays = HeldBothWays::Once, HeldBothWays::ALL;
    /// Section 2.6: how permission values are written.
    permission_shape: PermissionShape = PermissionShape::Documented, PermissionShape::ALL;
    /// Section 2.3: removing an unknown user fails (else it is a success without effect).
    delete_unknown_fails: bool = true, EITHER;
    /// Row 30: the order of the audit log.
    audit_order: AuditOrder = AuditOrder::OldestFirst, AuditOrder::ALL;
    /// Row 32: how many reads after a write still answer from before it.
    read_lag: u32 = 0, [0, 0, 0, 1, 3];
    /// Row 33: removing a binding that is not there fails (else it is a success without effect).
    missing_removal_fails: bool = false, EITHER;
    /// Row 34: addresses are compared case-sensitively.
    email_case_sensitive: bool = false, EITHER;
    /// Row 34: addresses are stored in lower case (else as written).
    email_stored_lowercase: bool = false, EITHER;
    /// Row 38: SSO is also answered under `/bot/{botId}/ssoconfig`.
    sso_under_bot: bool = false, EITHER;
    /// Section 2.2: access flags left out of PUT users.
    put_missing_flags: MissingFlags = MissingFlags::True, MissingFlags::ALL;
    /// Section 2.12: access flags left out of useraccess.
    access_missing_flags: MissingFlags = MissingFlags::Kept, MissingFlags::ALL;
    /// Section 2.0: the names of the built-in bot roles.
    bot_role_names: BotRoleNames = BotRoleNames::Bot, BotRoleNames::ALL;
}

impl Dialect {
    /// The dialect with the switches of `text` set: a path of a JSON file, or `name=value,...`.
    pub fn with(self, text: &str) -> Result<Self, SandboxError> {
        let given = if text.contains('=') { pairs(text)? } else { file(text)? };
        self.overlay(given)
    }

    fn overlay(self, given: Map<String, Value>) -> Result<Self, SandboxError> {
        let bad = |e: serde_json::Error| SandboxError::BadDialect(e.to_string());
        let mut fields = serde_json::to_value(self).map_err(bad)?;
        if let Some(fields) = fields.as_object_mut() {
            fields.extend(given);
        }
        serde_json::from_value(fields).map_err(bad)
    }
}

fn pairs(text: &str) -> Result<Map<String, Value>, SandboxError> {
    text.split(',')
        .map(|pair| {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| SandboxError::BadDialect(format!("{pair:?} has no =")))?;
            // Numbers and booleans are JSON; every other value is a word.
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
            Ok((name.trim().to_owned(), value))
        })
        .collect()
}

fn file(path: &str) -> Result<Map<String, Value>, SandboxError> {
    let text = std::fs::read_to_string(path).map_err(|e| SandboxError::BadDialect(format!("{path}: {e}")))?;
    serde_json::from_str(&text).map_err(|e| SandboxError::BadDialect(format!("{path}: {e}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_switch_is_set_by_name_and_the_rest_stays() {
        let dialect = Dialect::default().with("put_assignments=adds,read_lag=3").unwrap();
        assert_eq!(dialect.put_assignments, PutAssignments::Adds);
        assert_eq!(
            Dialect { put_assignments: PutAssignments::Replaces, read_lag: 0, ..dialect },
            Dialect::default()
        );
    }

    #[test]
    fn an_unknown_switch_is_named() {
        let error = Dialect::default().with("put_asignments=adds").unwrap_err().to_string();
        assert!(error.contains("put_asignments") && error.contains("put_assignments"), "{error}");
    }

    #[test]
    fn seeds_draw_every_reading() {
        let drawn: Vec<Dialect> = (0..64).map(Dialect::from_seed).collect();
        assert_eq!(drawn[7], Dialect::from_seed(7));
        assert!(drawn.iter().any(|d| d.put_assignments == PutAssignments::Adds));
        assert!(drawn.iter().any(|d| d.put_assignments == PutAssignments::Replaces));
    }
}
