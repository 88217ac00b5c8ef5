//! Finds the few steps that a failure needs, by leaving out the others.

use crate::plan::Plan;

/// A plan with as few of the steps as still fail. First large pieces are left out, then single ones.
pub fn shrink(mut plan: Plan, fails: impl Fn(&Plan) -> bool) -> Plan {
    let mut piece = plan.steps.len().next_power_of_two() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < plan.steps.len() {
            let mut without = plan.clone();
            without.steps.drain(at..(at + piece).min(plan.steps.len()));
            if fails(&without) {
                plan = without;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Act;

    #[test]
    fn only_what_the_failure_needs_is_left() {
        let plan = (0..).map(Plan::from_seed).find(|plan| plan.steps.len() > 30).unwrap();
        let [first, second] = [plan.steps[3].at, plan.steps[20].at];
        let shrunk = shrink(plan, |plan| {
            [first, second].iter().all(|at| plan.steps.iter().any(|step| step.at == *at))
        });
        assert!(shrunk.steps.len() <= 4, "{shrunk}");
        assert!(shrunk.steps.iter().any(|step| step.at == second));
    }

    #[test]
    fn every_kind_of_step_is_drawn() {
        let mut kinds: Vec<_> = (0..300)
            .flat_map(|seed| Plan::from_seed(seed).steps)
            .map(|step| std::mem::discriminant::<Act>(&step.act))
            .collect();
        kinds.sort_by_key(|kind| format!("{kind:?}"));
        kinds.dedup();
        assert_eq!(kinds.len(), 17);
    }
}
