/**
 * Twins of a plan: changed in a way that must change nothing of what happens.
 *
 * @module
 */

import { ForcedStopError } from "../../mod.ts";
import type { Entry, History } from "./history.ts";
import type { Act, HookPhase, Plan, ServicePlan } from "./plan.ts";

/** A twin, and what it proves if the same happens to it. */
export interface Twin {
  readonly name: string;
  readonly plan: Plan;
  /** What must be the same, as text. */
  readonly account: (history: History) => string;
}

/** The twins of a plan worth a run of their own. */
export function twinsOf(plan: Plan): readonly Twin[] {
  const twins: Twin[] = [];
  if (plan.hostileObservers) {
    twins.push({
      name: "a throwing logger, observer or listener changes no outcome",
      plan: { ...plan, hostileObservers: false },
      account: everything,
    });
  }
  const rejecting = { ...plan, services: plan.services.map(withoutThrows) };
  const throws = JSON.stringify(rejecting) !== JSON.stringify(plan);
  if (throws && !plan.services.some(isRacy)) {
    twins.push({
      name: "a synchronous throw equals a rejection",
      plan: rejecting,
      account: outcomes,
    });
  }
  return twins;
}

/**
 * Whether a few microtasks may matter: a crash in the moment in which the start completes falls on
 * either side of it, and `abort` called by a hook gives up what was called before.
 */
function isRacy({ hooks, failsAfter }: ServicePlan): boolean {
  const { execute } = hooks;
  const calls = Object.values(hooks).some(({ first }) => first === "fail" || first === "abort");
  return calls || failsAfter === 0 || execute?.do === "throw" ||
    (execute?.do === "reject" && execute.after === 0);
}

/** A service whose hooks reject where they threw. */
function withoutThrows(service: ServicePlan): ServicePlan {
  const rejects = ([phase, act]: [string, Act]): [string, Act] => [
    phase,
    act.do === "throw" ? { ...act, do: "reject", after: 0 } : act,
  ];
  const hooks = Object.entries(service.hooks) as [HookPhase, Act][];
  return { ...service, hooks: Object.fromEntries(hooks.map(rejects)) };
}

/** All that happened, in order. */
function everything({ entries }: History): string {
  return entries.map(({ type, at, state, ...rest }) => {
    const name = "event" in rest ? rest.event.type : "owner" in rest ? rest.owner : "";
    const phase = "phase" in rest ? rest.phase : "";
    return `${at} ms ${state} ${type} ${name} ${phase}`;
  }).join("\n");
}

/** How each call ended and when: some microtasks more or less may change the order of the rest. */
function outcomes({ entries }: History): string {
  const settled = entries.filter((entry) => entry.type === "settled");
  return settled.map((entry) => `${entry.at} ms ${outcome(entry)}`).sort().join("\n");
}

function outcome({ call, rejection }: Extract<Entry, { type: "settled" }>): string {
  const { error } = rejection ?? {};
  const errors = error instanceof AggregateError ? error.errors : rejection ? [error] : [];
  return `${call.name}: ${errors.map(text).sort().join("; ") || "ok"}`;
}

/** The hooks a forced stop names are in the order of their calls, which microtasks may change. */
function text(error: unknown): string {
  if (!(error instanceof ForcedStopError)) return String(error);
  const hooks = error.abandoned.map(({ service, phase }) => `${service}.${phase}`);
  return `ForcedStopError: ${hooks.sort().join(", ")}`;
}
