// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandTable } from './command-table.ts'
import { completion, type Shell } from './completion.ts'
import { temporaryFolder } from './fixtures/shop.ts'

const commands = await Promise.all(Object.values(commandTable).map((load) => load()))

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0
const without = (shell: Shell): string | false => (has(shell) ? false : `${shell} is not installed here`)

test('bash completes commands, options, values and files', { skip: without('bash') }, (t) => {
  const script = join(temporaryFolder(t), 'fasten.bash')
  writeFileSync(script, completion('bash', commands))
  const complete = (line: string): readonly string[] => {
    const words = line.split(' ')
    const set = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`
    const { stdout, stderr, status } = spawnSync(
      'bash',
      ['-c', `source '${script}'; ${set}; _fasten 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`],
      { encoding: 'utf8' },
    )
    assert.equal(status, 0, stderr)
    return stdout.split('\n').filter((word) => word !== '')
  }
  assert.deepEqual(complete('fasten t'), ['tail', 'tui', 'thread', 'topology'])
  assert.deepEqual(complete('fasten codes '), ['check', 'typegen', 'diff'])
  assert.deepEqual(complete('fasten tail --stream '), ['audit', 'sys', 'api', 'all'])
  assert.deepEqual(complete('fasten tail --stream = a'), ['audit', 'api', 'all'])
  assert.deepEqual(complete('fasten query --sev'), ['--severity'])
  assert.deepEqual(complete('fasten query --severity c'), ['critical'])
  assert.deepEqual(complete('fasten codes typegen --lang t'), ['ts', 'typescript'])
  assert.deepEqual(complete('fasten completion '), ['bash', 'zsh', 'fish'])
  assert.deepEqual(complete('fasten help qu'), ['query', 'quarantine'])
  assert.deepEqual(complete('fasten frobnicate '), [])
})

test('zsh loads its script and offers what bash offers', { skip: without('zsh') }, (t) => {
  const script = join(temporaryFolder(t), '_fasten')
  writeFileSync(script, completion('zsh', commands))
  const { status, stderr } = spawnSync('zsh', ['-fn', script], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  // _arguments and _describe are replaced by what prints their arguments, so that the offers are seen without a terminal.
  const offered = (words: string, current: number): string => {
    const stubs = `compdef() { : }; _arguments() { print -rl -- "$@" }; _describe() { print -rl -- \${(P)2} }; _files() { : }`
    const run = spawnSync(
      'zsh',
      ['-fc', `${stubs}; words=(${words}); CURRENT=${current}; source '${script}'; _fasten`],
      { encoding: 'utf8' },
    )
    assert.equal(run.status, 0, run.stderr)
    return run.stdout
  }
  assert.match(offered("fasten ''", 2), /^tail:show rows/m)
  assert.match(offered("fasten codes ''", 3), /^check:/m)
  assert.match(offered("fasten tail ''", 3), /^--stream\[.*\]:stream:\(audit sys api all\)$/m)
  assert.match(offered("fasten codes typegen ''", 4), /^--lang\[/m)
})

test('fish completes commands, options and values', { skip: without('fish') }, (t) => {
  const script = join(temporaryFolder(t), 'fasten.fish')
  writeFileSync(script, completion('fish', commands))
  const complete = (line: string): readonly string[] => {
    const { stdout, status, stderr } = spawnSync(
      'fish',
      ['--no-config', '-c', `source '${script}'; complete -C '${line}'`],
      { encoding: 'utf8' },
    )
    assert.deepEqual([status, stderr], [0, ''])
    return stdout
      .split('\n')
      .filter((word) => word !== '')
      .map((word) => word.split('\t')[0] ?? '')
  }
  assert.deepEqual(complete('fasten to'), ['topology'])
  assert.deepEqual(complete('fasten codes c'), ['check'])
  assert.deepEqual(complete('fasten tail --stream a').toSorted(), ['all', 'api', 'audit'])
  assert.deepEqual(complete('fasten query --seve'), ['--severity'])
  assert.deepEqual(complete('fasten query tail --sour'), ['--source-node-id'])
})
