//! Security & Control > Enterprise Key. The vendor documents that it can be viewed and no more; nothing in a sandbox is
//! encrypted, so what is shown stands for a key and is none.

use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::reply::{Outcome, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::store;
use askama::Template;

pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::page("/Admin/security/enterprise-key", Needs::Any(&[Permission::EnterpriseKey]), show)];

#[derive(Template)]
#[template(path = "security_enterprise_key.html")]
struct EnterpriseKey {
    frame: Frame,
    key: String,
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let key = store::digest_of(&format!("enterprise key {}", admin.account.id));
    Reply::page(&EnterpriseKey {
        frame: Frame::new(admin, "Enterprise Key", &[("Security & Control", None)])?,
        key,
    })
}
