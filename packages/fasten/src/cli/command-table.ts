// SPDX-License-Identifier: Apache-2.0
import type { Command } from './command.ts'

type Loader = () => Promise<Command>

/**
 * Every command by name, in the order of `fasten help`. Loading one reads only its file: a tail does not wait for
 * twenty others.
 */
export const commandTable: Readonly<Record<string, Loader>> = {
  tail: () => import('./commands/tail.ts'),
  tui: () => import('./commands/tui.ts'),
  ui: () => import('./commands/ui.ts'),
  query: () => import('./commands/query.ts'),
  thread: () => import('./commands/thread.ts'),
  verify: () => import('./commands/verify.ts'),
  prove: () => import('./commands/prove.ts'),
  checkpoint: () => import('./commands/checkpoint.ts'),
  'key show': () => import('./commands/key-show.ts'),
  'key rotate': () => import('./commands/key-rotate.ts'),
  'witness request': () => import('./commands/witness-request.ts'),
  'witness sign': () => import('./commands/witness-sign.ts'),
  'witness accept': () => import('./commands/witness-accept.ts'),
  'witness serve': () => import('./commands/witness-serve.ts'),
  export: () => import('./commands/export.ts'),
  otlp: () => import('./commands/otlp.ts'),
  doctor: () => import('./commands/doctor.ts'),
  'agents tree': () => import('./commands/agents-tree.ts'),
  'agents cost': () => import('./commands/agents-cost.ts'),
  topology: () => import('./commands/topology.ts'),
  dump: () => import('./commands/dump.ts'),
  'codes check': () => import('./commands/codes-check.ts'),
  'codes typegen': () => import('./commands/codes-typegen.ts'),
  'codes diff': () => import('./commands/codes-diff.ts'),
  'quarantine list': () => import('./commands/quarantine-list.ts'),
  'quarantine retry': () => import('./commands/quarantine-retry.ts'),
  'retention plan': () => import('./commands/retention-plan.ts'),
  'retention run': () => import('./commands/retention-run.ts'),
  'retention hold': () => import('./commands/retention-hold.ts'),
  'postgres migrate': () => import('./commands/postgres-migrate.ts'),
  'postgres grants': () => import('./commands/postgres-grants.ts'),
  erase: () => import('./commands/erase.ts'),
  'erase request': () => import('./commands/erase-request.ts'),
  'erase requests': () => import('./commands/erase-requests.ts'),
  'erase approve': () => import('./commands/erase-approve.ts'),
  'privacy rekey': () => import('./commands/privacy-rekey.ts'),
  'subject export': () => import('./commands/subject-export.ts'),
  'fleet resume': () => import('./commands/fleet-resume.ts'),
  completion: () => import('./commands/completion.ts'),
}
