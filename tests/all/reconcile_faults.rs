//! One test a bad day: what goes wrong between the account and us, and what becomes of the plan.
