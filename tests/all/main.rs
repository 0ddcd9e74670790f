//! Black-box tests: one module and one prefix per layer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody links against it"
)]

mod campaign_faults;
mod campaign_kill;
mod ci_templates;
mod cli_apply;
mod cli_bad_days;
mod cli_examples;
mod cli_guards;
mod cli_interrupted;
mod cli_output;
mod cli_plan;
mod cli_reference;
mod cli_validate;
mod console_access;
mod console_accounts;
mod console_analytics;
mod console_assistants;
mod console_audit;
mod console_dashboard;
mod console_deployment;
mod console_everywhere;
mod console_gate;
mod console_groups;
mod console_idle;
mod console_import;
mod console_invitations;
mod console_password;
mod console_roles;
mod console_security;
mod console_self_sign_up;
mod console_story;
mod console_two_factor;
mod console_user;
mod console_user_settings;
mod console_users;
mod controller_alerts;
mod controller_chart;
mod controller_cluster;
mod controller_crash;
mod controller_crds;
mod controller_gitops;
mod controller_kustomize;
mod controller_leader;
mod controller_live;
mod controller_output;
mod controller_pass;
mod controller_roles;
mod controller_safety;
mod controller_security;
mod controller_soak;
mod controller_still;
mod doctor_cli;
mod explain_cli;
mod explain_expiring;
mod fuzz_corpus;
mod guides;
mod import_cli;
mod import_random;
mod import_written;
mod kore_client;
mod kore_gateway;
mod kore_lookups;
mod kore_paging;
mod kore_properties;
mod kore_recall;
mod kore_script;
mod manifest_check;
mod manifest_compile;
mod plan_explain;
mod plan_explain_asked;
mod plan_explain_text;
mod plan_explain_why_not;
mod plan_markdown;
mod plan_redact;
mod plan_text;
mod reconcile_cleared;
mod reconcile_counts;
mod reconcile_engine;
mod reconcile_faults;
mod reconcile_random;
mod reconcile_recall;
mod review_base;
mod review_findings;
mod review_plan;
mod rules;
mod sandbox_api;
mod sandbox_auth;
mod sandbox_cli;
mod sandbox_dialect;
mod sandbox_faults;
mod sandbox_mail;
mod sandbox_rate;
mod sandbox_world;
mod secrets_nowhere;
mod support;
mod workflow_saved;
mod workflow_story;
