// SPDX-License-Identifier: Apache-2.0
import type { World } from '../command.ts'
import type { Target } from '../target.ts'
import type { Plan } from './local-plan.ts'
import { runtimeCheck } from './host-checks.ts'
import { remoteChecks } from './reader-checks.ts'
import { chainCheck, correlationCheck, shimCheck, unregisteredCheck } from './store-checks.ts'
import { troubleCheck } from './trouble-check.ts'

/** What can be said of a service through its reader. */
export async function remotePlan(
  target: Target & { readonly kind: 'url' },
  { isFull }: { readonly isFull: boolean },
  world: World,
): Promise<Plan> {
  const reader = await world.openReader(target)
  const further = [
    chainCheck(reader, isFull, world.signal),
    shimCheck(reader, world.clock),
    correlationCheck(reader),
    unregisteredCheck(reader),
    troubleCheck(reader, world.clock),
  ]
  return {
    checks: [runtimeCheck(), ...remoteChecks(reader, target.url, world.clock, further)],
    close: () => reader.close(),
  }
}
