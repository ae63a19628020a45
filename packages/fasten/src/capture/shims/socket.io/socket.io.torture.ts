// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as servers from 'socket.io'
import * as clients from 'socket.io-client'
import { crossings } from './fixtures/crossings.ts'
import { instrumentSocketIo } from './index.ts'

test(
  '20,000 interleaved events and answers of Socket.IO, and none sees the id of another',
  { timeout: 600_000 },
  async (t) => {
    t.after(instrumentSocketIo(servers))
    t.after(instrumentSocketIo(clients))
    assert.equal(await crossings(20_000), 0)
  },
)
