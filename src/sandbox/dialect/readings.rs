//! The readings that the switches choose from.

use serde::{Deserialize, Serialize};

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
    /// Which bot roles and permissions a fresh account has.
    BotRoleSet {
        /// The three built-in ones, with the permissions of the older samples.
        Standard,
        /// Five built-in ones and one of an upgraded contact center, with the permissions of 3.10.
        ContactCenter,
    } default Standard
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
readings!(
    /// What becomes of a built-in role that cannot be edited, found in an import file.
    FixedRolesInImport {
        /// Passed over.
        Ignored,
        /// The whole import is refused with 400.
        Refused,
        /// Written like any other.
        Stored,
    } default Ignored
);
readings!(
    /// How the levels of newer permissions are written.
    NewerLevels {
        /// `VIEW & INVITE`.
        Capitals,
        /// `View & Invite`.
        AsShown,
    } default Capitals
);
readings!(
    /// What becomes of permissions of a stored role that an import file leaves out.
    ImportMissingKeys {
        /// The file's map replaces the stored one.
        Removed,
        /// They stay.
        Kept,
        /// They stay, switched off.
        Off,
    } default Removed
);
readings!(
    /// Whether the children of a switched-off parent permission are off, too.
    ParentsSwitchChildren {
        /// Stored as sent.
        Never,
        /// Stored as off.
        WhenWritten,
        /// Stored as sent, shown as off until the parent is raised.
        WhenRead,
    } default Never
);
readings!(
    /// What alluserroles shows for people without an `orgUserId`.
    NoOrgUserId {
        /// No key.
        Absent,
        /// `null`.
        AsNull,
        /// An empty text.
        Empty,
    } default Absent
);
readings!(
    /// What PUT users does with an `orgUserId` beside `emailId`.
    PutOrgUserId {
        /// Nothing.
        Ignored,
        /// It becomes the user's.
        Stored,
        /// The entry fails.
        Refused,
    } default Ignored
);
readings!(
    /// Whether role entries of usersInfo carry `groups`.
    UsersInfoRoleGroups {
        /// On every entry.
        Always,
        /// On those held through groups.
        WhenHeld,
        /// On none.
        Never,
    } default Always
);
readings!(
    /// The names of audit events.
    AuditNames {
        /// As the console words them.
        Console,
        /// With ` - Success`, under a category that does not fit.
        WithOutcome,
    } default Console
);
readings!(
    /// What taking Master Admin from the Primary Admin does.
    PrimaryAdminRole {
        /// It is refused.
        Fixed,
        /// Another Master Admin becomes the Primary Admin.
        PassesOn,
        /// What it does for anybody else.
        Plain,
    } default Fixed
);
readings!(
    /// What becomes of the bindings of a bot that was deleted, while it can be restored.
    DeletedBotBindings {
        /// In no answer; back with the bot.
        Hidden,
        /// In all answers throughout.
        Shown,
        /// Gone for good.
        Dropped,
    } default Hidden
);
readings!(
    /// Where the former name of a renamed bot is still shown, until it is published again.
    RenamedBotName {
        /// Nowhere.
        AtOnce,
        /// Everywhere.
        AfterPublish,
        /// In `botName` of roles, not in GET bots.
        OldInRoles,
    } default AtOnce
);
readings!(
    /// What `koreAttribute` calls a switch that single sign-on sets.
    SsoSwitchNames {
        /// The field of the API: `canCreateBot`.
        Fields,
        /// The label of the console: `New App Creation`.
        Labels,
    } default Fields
);
readings!(
    /// What GET ssoconfig answers for a protocol that is not the active one.
    SsoInactiveProtocol {
        /// Both addresses alone.
        Addresses,
        /// The configuration of the active one.
        ActiveConfig,
    } default Addresses
);
readings!(
    /// What a covered endpoint answers to an app with payload encryption.
    EncryptedAnswer {
        /// An object without any of the documented keys.
        Object,
        /// A bare text.
        Text,
    } default Object
);
readings!(
    /// Where edits of people and roles made inside an app are written down.
    InAppEdits {
        /// In the change log of the bot.
        ChangeLog,
        /// In the audit log of the account.
        AuditLog,
        /// In both.
        Both,
    } default ChangeLog
);
readings!(
    /// The order of a change log.
    ChangeLogOrder {
        /// Oldest first.
        OldestFirst,
        /// Newest first.
        NewestFirst,
    } default OldestFirst
);
readings!(
    /// `userId` of the entries of a change log.
    ChangeLogActor {
        /// The user, e-mail included.
        Object,
        /// Their id.
        Id,
        /// No key.
        Absent,
    } default Object
);
readings!(
    /// How a role that a group was given inside an app is shown.
    BuilderGroups {
        /// As any other role of the group.
        AsGroup,
        /// As a direct role of each member.
        AsMembers,
    } default AsGroup
);
readings!(
    /// What POST users does with a private address.
    PrivateAddresses {
        /// The same as with any other.
        Accepted,
        /// The entry fails unless an invitation is sent.
        InvitedOnly,
        /// The entry fails.
        Refused,
    } default Accepted
);
