//! Generated accounts: any size, the same on every machine.

use crate::sandbox::admin::edit::Editor;
use crate::sandbox::admin::{Admin, Holder, NewBot, NewGroup, NewUser};
use crate::sandbox::draw::Draw;
use crate::sandbox::error::SandboxError;
use crate::sandbox::store::bots::BotStatus;
use crate::sandbox::store::groups::GroupSource;
use crate::sandbox::store::users::UserState;

/// How much to add to an account. Every run with the same numbers adds the same people, bots and groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed {
    /// Number of users to add.
    pub users: usize,
    /// Number of bots to add.
    pub bots: usize,
    /// Number of groups to add.
    pub groups: usize,
}

const FIRST: [&str; 24] = [
    "Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gia", "Hugo", "Ines", "Jon", "Kaia", "Lars", "Mina", "Nils",
    "Olga", "Paul", "Rosa", "Seth", "Tara", "Ugo", "Vera", "Will", "Xena", "Yann",
];
const LAST: [&str; 20] = [
    "Abel", "Brook", "Cruz", "Dorn", "Ek", "Frost", "Gale", "Holm", "Iver", "Juhl", "Kern", "Lund", "Marsh",
    "Noor", "Orr", "Pike", "Quist", "Reed", "Shaw", "Vale",
];
const FIELDS: [&str; 12] = [
    "Billing",
    "Loans",
    "Cards",
    "Payroll",
    "Travel",
    "Claims",
    "Orders",
    "Returns",
    "Benefits",
    "Facilities",
    "Fleet",
    "Legal",
];
const BOT_ROLES: [&str; 2] = ["Bot Developer", "Bot Tester"];

fn bot_role(draw: &mut Draw) -> &'static str {
    BOT_ROLES[draw.below(BOT_ROLES.len())]
}

impl Admin {
    /// Adds generated people, bots and groups.
    pub fn seed(&self, seed: Seed) -> Result<(), SandboxError> {
        self.batch(|editor| seed.fill(editor))
    }
}

impl Seed {
    fn fill(self, editor: &Editor<'_>) -> Result<(), SandboxError> {
        // A fixed start: the world depends on the numbers alone.
        let mut draw = Draw::new(0x6b6f_7265);
        if self.users > 0 && editor.user(&email(0)).is_ok() {
            return Err(SandboxError::AlreadySeeded {
                account: editor.account.id.clone(),
                example: email(0),
            });
        }
        let owners: Vec<String> = (0..self.users.div_ceil(20).min(self.users)).map(email).collect();
        for index in 0..self.users {
            editor.add_user(&person(index, owners.len(), &mut draw))?;
        }
        let bots = self.bots(editor, &owners, &mut draw)?;
        let groups = self.groups(editor, &bots, &mut draw)?;
        for index in 0..self.users {
            bindings(editor, &email(index), &bots, &groups, &mut draw)?;
        }
        Ok(())
    }

    fn bots(
        self,
        editor: &Editor<'_>,
        owners: &[String],
        draw: &mut Draw,
    ) -> Result<Vec<SeededBot>, SandboxError> {
        (0..self.bots)
            .map(|index| {
                let field = FIELDS[index % FIELDS.len()];
                let name = format!("{field} Assistant {:03}", index + 1);
                let status = match draw.below(100) {
                    0..80 => BotStatus::Published,
                    80..95 => BotStatus::Configured,
                    _ => BotStatus::AwaitingApproval,
                };
                let dialogs =
                    (1..=2 + draw.below(4)).map(|n| format!("{field} task {n}")).collect::<Vec<_>>();
                let is_enterprise = draw.chance(75);
                let owner = (!owners.is_empty()).then(|| draw.one_of(owners).clone());
                editor.add_bot(&NewBot {
                    status,
                    is_enterprise,
                    owner,
                    dialogs: dialogs.clone(),
                    ..NewBot::named(&name)
                })?;
                let assignable = is_enterprise && status == BotStatus::Published;
                Ok(SeededBot { name, dialogs, assignable })
            })
            .collect()
    }

    fn groups(
        self,
        editor: &Editor<'_>,
        bots: &[SeededBot],
        draw: &mut Draw,
    ) -> Result<Vec<String>, SandboxError> {
        let mut groups: Vec<String> = Vec::with_capacity(self.groups);
        for index in 0..self.groups {
            let name = format!("team-{:03}", index + 1);
            let source = if draw.chance(25) { GroupSource::Ad } else { GroupSource::Local };
            editor.add_group(&NewGroup { source, ..NewGroup::named(&name) })?;
            if !groups.is_empty() && draw.chance(10) {
                let parent: &String = draw.one_of(&groups);
                editor.nest(parent, &name)?;
            }
            // Two groups in five hold a role: a sixth of all roles people hold come this way.
            if !bots.is_empty() && draw.chance(40) {
                editor.bind(&Holder::group(&name), bot_role(draw), Some(&draw.one_of(bots).name))?;
            }
            groups.push(name);
        }
        Ok(groups)
    }
}

struct SeededBot {
    name: String,
    dialogs: Vec<String>,
    assignable: bool,
}

fn email(index: usize) -> String {
    let first = FIRST[index % FIRST.len()].to_lowercase();
    let last = LAST[(index / FIRST.len()) % LAST.len()].to_lowercase();
    format!("{first}.{last}.{:05}@example.com", index + 1)
}

fn person(index: usize, owners: usize, draw: &mut Draw) -> NewUser {
    let state = match draw.below(100) {
        // Bot owners have joined, and are not locked out.
        _ if index < owners => UserState::Active,
        0..85 => UserState::Active,
        85..95 => UserState::NotActive,
        95..98 => UserState::Suspended,
        _ => UserState::Locked,
    };
    let is_developer = index < owners || draw.chance(60);
    NewUser {
        state,
        is_developer,
        can_create_bot: is_developer && draw.chance(30),
        org_user_id: draw.chance(50).then(|| format!("E-{:06}", index + 1)),
        ..NewUser::named(&email(index), FIRST[index % FIRST.len()], LAST[(index / FIRST.len()) % LAST.len()])
    }
}

/// About two roles a person, counting those held through groups; three people in ten have assignments.
fn bindings(
    editor: &Editor<'_>,
    email: &str,
    bots: &[SeededBot],
    groups: &[String],
    draw: &mut Draw,
) -> Result<(), SandboxError> {
    let holder = Holder::user(email);
    if draw.chance(60) && !groups.is_empty() {
        let group: &String = draw.one_of(groups);
        editor.join(group, email)?;
    }
    if draw.chance(2) {
        editor.bind(&holder, "admin", None)?;
    }
    if bots.is_empty() {
        return Ok(());
    }
    let roles = *draw.one_of(&[0, 1, 1, 2, 2, 2, 3, 3]);
    for _ in 0..roles {
        editor.bind(&holder, bot_role(draw), Some(&draw.one_of(bots).name))?;
    }
    if draw.chance(30) {
        for _ in 0..=draw.below(2) {
            let bot = draw.one_of(bots);
            let some = [bot.dialogs[0].as_str()];
            let dialogs = draw.chance(40).then_some(&some[..]);
            if bot.assignable {
                editor.assign(email, &bot.name, dialogs)?;
            }
        }
    }
    Ok(())
}
