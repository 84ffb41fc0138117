/**
 * A kit for tests of services: time that a test moves, hosts and contexts that record, a source and
 * a lease that do what a script says, and contracts that an adapter of an engine has to keep. For any
 * test runner, and of no dependency.
 *
 * ```ts
 * import { backgroundService, delay } from "@runhost/host";
 * import { testHost } from "@runhost/host/testing";
 *
 * const worker = backgroundService("worker", (signal, { clock }) => delay(60_000, { signal, clock }));
 *
 * await using host = testHost([worker], { stopWhenIdle: true });
 * const run = host.run();
 * await host.clock.advance(60_000);
 * await run;
 * ```
 *
 * @module
 */

export { quiet } from "./_real_time.ts";
export { FakeClock, type FakeTimers } from "./fake_clock.ts";
export { type TestHost, testHost, type TestHostOptions } from "./test_host.ts";
export { type TestContext, testContext, type TestContextOptions } from "./test_context.ts";
export {
  FakeSource,
  type FakeSourceCall,
  type FakeSourceOptions,
  type Settlement,
} from "./fake_source.ts";
export {
  FakeLease,
  type FakeLeaseCall,
  type FakeLeaseOptions,
  type FakeLeaseTrouble,
} from "./fake_lease.ts";
export { FakeJobStorage, type FakeJobStorageOptions } from "./fake_job_storage.ts";
export { forgetSignals } from "./forget_signals.ts";
export type { ContractCheck, ContractFixture, ContractOptions } from "./contract.ts";
export {
  sourceContract,
  type SourceContractOptions,
  type SourceFixture,
  type SourceTrait,
} from "./source_contract.ts";
export { leaseContract, type LeaseContractOptions, type LeaseFixture } from "./lease_contract.ts";
export {
  jobStorageContract,
  type JobStorageContractOptions,
  type JobStorageFixture,
  type JobStorageTrait,
} from "./job_storage_contract.ts";
export type { Lease, Term } from "../supervision/mod.ts";
