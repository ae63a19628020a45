// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { companion } from './companion.ts'
import { temporaryFolder } from './fixtures/shop.ts'

test('a package that is not installed is named, with what to type', async (t) => {
  await assert.rejects(companion('fasten-nowhere/door', temporaryFolder(t)), {
    code: 'BAD_COMMAND',
    message: 'the package fasten-nowhere is not installed',
    hint: 'npm install fasten-nowhere',
  })
})

test('one that only the project has is found, and what is missing within it is its own trouble', async (t) => {
  const folder = temporaryFolder(t)
  const home = join(folder, 'node_modules/fasten-nowhere')
  mkdirSync(home, { recursive: true })
  writeFileSync(
    join(home, 'package.json'),
    '{"type":"module","exports":{"./door":"./door.js","./broken":"./broken.js"}}',
  )
  writeFileSync(join(home, 'door.js'), 'export const name = "here"')
  writeFileSync(join(home, 'broken.js'), 'import "fasten-elsewhere"')
  const { name } = await companion<{ readonly name: string }>('fasten-nowhere/door', folder)
  assert.equal(name, 'here')
  await assert.rejects(companion('fasten-nowhere/broken', folder), { code: 'ERR_MODULE_NOT_FOUND' })
})
