// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path'
import { test } from 'node:test'
import { checkOnce } from '../stage/check-once.ts'

test(
  'npm start -- --once: Node-RED with fasten plugged in meets every expectation',
  { timeout: 600_000 },
  () => checkOnce(join(import.meta.dirname, 'main.ts')),
)
