//! The Admin API of one account: [`Reader`] turns what is asked into a [`World`](crate::facts::World), [`Writer`] sends one write
//! at a time and says honestly what is known of its outcome. Every request passes the [`Gateway`], which keeps the call
//! budget, signs, retries where that is harmless, and counts.
//!
//! Comes in: facts' words. Goes out: facts, answers, errors that are exit codes. This room knows `facts` and nobody
//! else: not what is wanted, not why something is written. It never prints.
//!
//! ```text
//! Reader ─┐                                                     ┌─ HttpTransport
//!         ├─► Gateway (budget, token, tries, log) ─► Transport ─┤
//! Writer ─┘                                                     └─ a router or a script, in tests
//! ```
//!
//! Section numbers in comments are those of the vendor notes, `docs/reference/kore-api.md`.

mod budget;
mod clock;
mod dates;
mod deadline;
mod endpoint;
mod error;
mod gateway;
mod http;
mod ledger;
mod observer;
mod read;
mod redact;
mod replace;
mod reply;
mod token;
mod transport;
mod wire;
mod write;

pub use budget::{Budget, HOUR, MINUTE};
pub use clock::{Clock, SystemClock, VirtualClock};
pub use deadline::{Deadline, LeaseTerm};
pub use endpoint::{Endpoint, Method};
pub use error::{KoreError, Vendor};
pub use gateway::{Gateway, Parts};
pub use http::{BaseUrl, BaseUrlError, HttpLimits, HttpTransport};
pub use ledger::{Admission, Ledger};
pub use observer::{Observer, Silent};
pub use read::{AuditEvent, AuditPage, ChangeLogEntry, ReadRequest, ReadSizes, Reader};
pub(crate) use redact::url as url_shown;
pub use replace::replace_file;
pub use token::{Credentials, clean_secret};
pub use transport::{Body, Stage, Transport, TransportError, WireRequest, WireResponse};
pub use write::{
    Assignments, BotAssignment, BotRoleEdit, Failure, Grant, ImportedRole, NewUser, RoleEdit, SetEdit,
    UserUpdate, WriteReply, Writer,
};
