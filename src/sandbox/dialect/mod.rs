//! One switch per open question of the vendor's documentation that the engine could notice.
//!
//! Numbers in the field docs are rows of section 4 of the `kore-api` notes (or its section where a question
//! comes up elsewhere). Each default is the notes' recommendation, or the reading they call likelier. Property
//! tests draw [`Dialect::from_seed`], so a promise that holds only under one reading does not survive.

mod readings;

pub use readings::*;

use super::error::SandboxError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
                let mut draw = crate::sandbox::draw::Draw::new(seed);
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
    user_roles_offset: OffsetCounts = OffsetCounts::Rows, OffsetCounts::ALL;
    /// Row 18: `offset` on roles.
    roles_offset: OffsetCounts = OffsetCounts::Pages, OffsetCounts::ALL;
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
    /// Row 20: the newer wording says `some time` (else `sometime`).
    rate_limit_some_time: bool = false, EITHER;
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
    /// Row 39: the bot roles and permissions of a fresh account.
    bot_role_set: BotRoleSet = BotRoleSet::Standard, BotRoleSet::ALL;
    /// Row 39: built-in roles that cannot be edited, found in an import file.
    fixed_roles_in_import: FixedRolesInImport = FixedRolesInImport::Ignored, FixedRolesInImport::ALL;
    /// Row 40: the spelling of levels beyond `FULL`, `VIEW`, `YES` and `NO`.
    newer_levels: NewerLevels = NewerLevels::Capitals, NewerLevels::ALL;
    /// Row 41: permissions of a stored role that an import file leaves out.
    import_missing_keys: ImportMissingKeys = ImportMissingKeys::Removed, ImportMissingKeys::ALL;
    /// Row 42: the children of a switched-off parent permission.
    parents_switch_children: ParentsSwitchChildren = ParentsSwitchChildren::Never, ParentsSwitchChildren::ALL;
    /// Row 43: GET bots lists bots that were deleted and can be restored.
    deleted_bots_listed: bool = false, EITHER;
    /// Rows 43 and 44: the bindings of such bots.
    deleted_bot_bindings: DeletedBotBindings = DeletedBotBindings::Hidden, DeletedBotBindings::ALL;
    /// Row 45: the former name of a renamed bot.
    renamed_bot_name: RenamedBotName = RenamedBotName::AtOnce, RenamedBotName::ALL;
    /// Row 46: `orgUserId` of people who have none, in alluserroles.
    no_org_user_id: NoOrgUserId = NoOrgUserId::Absent, NoOrgUserId::ALL;
    /// Row 46: an `orgUserId` beside `emailId` on PUT users.
    put_org_user_id: PutOrgUserId = PutOrgUserId::Ignored, PutOrgUserId::ALL;
    /// Row 47: an answer of usersInfo for more than one address lacks its last element.
    users_info_partial: bool = false, EITHER;
    /// Row 48: usersInfo shows `status` and `lastLogin`.
    users_info_status: bool = true, EITHER;
    /// Row 48: `groups` on role entries of usersInfo.
    users_info_role_groups: UsersInfoRoleGroups = UsersInfoRoleGroups::Always, UsersInfoRoleGroups::ALL;
    /// Row 49: what `koreAttribute` calls the switches.
    sso_switch_names: SsoSwitchNames = SsoSwitchNames::Fields, SsoSwitchNames::ALL;
    /// Row 49: GET ssoconfig for a protocol that is not the active one.
    sso_inactive_protocol: SsoInactiveProtocol = SsoInactiveProtocol::Addresses, SsoInactiveProtocol::ALL;
    /// Row 49: Full Sync takes the three switches away, too.
    full_sync_resets_access: bool = true, EITHER;
    /// Row 50: answers to an app with payload encryption.
    encrypted_answer: EncryptedAnswer = EncryptedAnswer::Object, EncryptedAnswer::ALL;
    /// Row 50: plain bodies of covered writes of such an app are refused with 400.
    encrypted_refuses_plain: bool = true, EITHER;
    /// Row 51: where edits inside an app are written down.
    in_app_edits: InAppEdits = InAppEdits::ChangeLog, InAppEdits::ALL;
    /// Row 52: the order of a change log.
    change_log_order: ChangeLogOrder = ChangeLogOrder::OldestFirst, ChangeLogOrder::ALL;
    /// Row 52: who is named in a change log.
    change_log_actor: ChangeLogActor = ChangeLogActor::Object, ChangeLogActor::ALL;
    /// Row 53: names and categories of audit events.
    audit_names: AuditNames = AuditNames::Console, AuditNames::ALL;
    /// Row 54: taking Master Admin from the Primary Admin by API.
    primary_admin_role: PrimaryAdminRole = PrimaryAdminRole::Fixed, PrimaryAdminRole::ALL;
    /// Row 55: roles that groups were given inside an app.
    builder_groups: BuilderGroups = BuilderGroups::AsGroup, BuilderGroups::ALL;
    /// Row 56: POST users for a private address.
    private_addresses: PrivateAddresses = PrivateAddresses::Accepted, PrivateAddresses::ALL;
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
