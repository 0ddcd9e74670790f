//! Security & Control: how people sign in, which programs may call the API, and what is kept for how long.

pub(in crate::sandbox::console) mod api_scopes;
pub(in crate::sandbox::console) mod enterprise_key;
pub(in crate::sandbox::console) mod settings;
pub(in crate::sandbox::console) mod sso;
pub(in crate::sandbox::console) mod two_factor;
