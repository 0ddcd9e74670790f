//! An import of any account, under any reading of the vendor's documentation, is valid, and a plan right after is empty.

use crate::support::engine::Engine;
use crate::support::random::on_any_account;
use crate::support::world::Case;
use jiff::Timestamp;
use koreconcile::facts::{Desired, World};
use koreconcile::kore::ReadRequest;
use koreconcile::manifest::compile::{AccountServer, CredentialRefs, SecretRef};
use koreconcile::manifest::write::{self, AccountDocument, Declared, Written};
use koreconcile::manifest::{self, Compiled, Input, Manifests};
use koreconcile::plan::render;

#[test]
fn import_of_any_account_is_valid_and_its_plan_is_empty() {
    on_any_account(20_260_201, 300, |case| async move { imports(&case).await });
}

async fn imports(case: &Case) -> Result<(), String> {
    let engine = case.engine();
    let first = read_everything(&engine).await;
    let (account, written) = import(&first, &Declared::nothing());
    let (again, rewritten) = import(&read_everything(&engine).await, &Declared::nothing());
    if (&account, &written.pages) != (&again, &rewritten.pages) {
        return Err(format!("two imports differ:\n{}\n{}", text(&written), text(&rewritten)));
    }
    let told = |what: &str, written: &Written| format!("{what}\n{}", text(written));
    let (manifests, compiled) = compile(&account, &written).map_err(|why| told(&why, &written))?;
    let world = read_as_a_plan_does(&engine, &compiled.desired).await;
    let plan = engine.plan_on(&compiled.desired, &world);
    if !plan.is_clean() {
        let plan = render::text(&plan, render::Style { verbose: true, ..render::Style::default() });
        return Err(told(&format!("the plan is not empty:\n{plan}"), &written));
    }
    // Into the same folder: nothing is missing.
    let more = write::write(&first, &Declared::from_manifests(&manifests, &compiled, &first));
    if more.pages.iter().any(|page| page.documents > 0) || !more.by_hand.is_empty() {
        return Err(told("a second import adds something", &more));
    }
    Ok(())
}

async fn read_everything(engine: &Engine) -> World {
    let ask = ReadRequest { look_up_everyone: true, ..ReadRequest::full([].into()) };
    engine.reader.read(&ask).await.unwrap()
}

async fn read_as_a_plan_does(engine: &Engine, desired: &Desired) -> World {
    engine.reader.read(&ReadRequest::full(desired.referenced.clone())).await.unwrap()
}

/// `account.yaml`, and everything else.
pub fn import(world: &World, declared: &Declared) -> (String, Written) {
    let env = |name: &str| SecretRef::Env(name.to_owned());
    let account = write::account(&AccountDocument {
        name: "acme",
        endpoint: &AccountServer::Host("https://platform.example.com".to_owned()),
        credentials: Some(&CredentialRefs {
            client_id: env("KORE_CLIENT_ID"),
            client_secret: env("KORE_CLIENT_SECRET"),
        }),
        account_id: world.account.as_ref(),
        primary_admin: None,
        rate: koreconcile::facts::RateLimit::default(),
    });
    (account, write::write(world, declared))
}

/// Checked as files are; `Err` shows the findings.
pub fn compile(account: &str, written: &Written) -> Result<(Manifests, Compiled), String> {
    let mut inputs = vec![Input::new("account.yaml", account)];
    inputs.extend(
        written.pages.iter().map(|page| Input::new(format!("{}.yaml", page.name), page.text.as_str())),
    );
    let manifests = manifest::read(inputs);
    let compiled = manifest::compile(&manifests, None, Timestamp::UNIX_EPOCH).map_err(|why| why.to_string());
    let findings: Vec<_> = manifests
        .findings()
        .iter()
        .chain(compiled.iter().flat_map(|compiled| &compiled.findings))
        .filter(|finding| finding.is_error())
        .cloned()
        .collect();
    if !findings.is_empty() {
        return Err(manifest::render::text(&findings, manifests.texts(), false));
    }
    Ok((manifests, compiled?))
}

pub fn text(written: &Written) -> String {
    written.pages.iter().map(|page| format!("# {}.yaml\n{}", page.name, page.text)).collect()
}
