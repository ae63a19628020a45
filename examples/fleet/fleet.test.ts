// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path'
import { test } from 'node:test'
import { checkOnce } from '../stage/check-once.ts'

test(
  'npm start -- fleet --once: three nodes ship to a fleet that is killed meanwhile, and every expectation is met',
  { timeout: 600_000 },
  () => checkOnce(join(import.meta.dirname, 'main.ts')),
)
