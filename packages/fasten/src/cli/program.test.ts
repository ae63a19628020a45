// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandTable } from './command-table.ts'
import { assertGolden } from './fixtures/golden.ts'
import { runWords } from './fixtures/world.ts'

test('the overview names every command', async () => {
  const { exitCode, out } = await runWords(['--help'])
  assert.equal(exitCode, 0)
  for (const name of Object.keys(commandTable)) assert.match(out, new RegExp(`^  ${name} `, 'm'))
  assertGolden('help', out)
})

test('no command is not success, so a script with an empty variable notices', async () => {
  const { exitCode, out, err } = await runWords([])
  assert.deepEqual([exitCode, out], [2, ''])
  assert.match(err, /^Usage: fasten <command>/m)
})

test('help of each command, at 80 columns', async () => {
  for (const name of Object.keys(commandTable)) {
    const asked = await runWords(['help', ...name.split(' ')], { columns: 80 })
    const flagged = await runWords([...name.split(' '), '--help'], { columns: 80 })
    assert.equal(asked.exitCode, 0, name)
    assert.deepEqual(asked, flagged)
    for (const line of asked.out.split('\n'))
      assert.ok(line.length <= 80 || !line.startsWith(' -'), `${name}: ${line}`)
    assertGolden(`help-${name.replace(' ', '-')}`, asked.out)
  }
})

test('each command is what its table calls it, and its options are told apart', async () => {
  for (const [name, load] of Object.entries(commandTable)) {
    const command = await load()
    assert.equal(command.name, name)
    assert.doesNotMatch(command.summary, /^[A-Z]|\.$/)
    const flags = command.options.flatMap((option) => [
      `--${option.name}`,
      ...(option.short === undefined ? [] : [`-${option.short}`]),
    ])
    assert.equal(new Set(flags).size, flags.length, `${name} has an option twice: ${flags.join(' ')}`)
  }
})

test('the version', async () => {
  for (const words of [['--version'], ['-V'], ['version']]) {
    assert.deepEqual(await runWords(words), { exitCode: 0, out: '1.2.3\n', err: '' })
  }
})

test('what is mistyped is named in one line, with a guess, and exits 2', async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['tial', /^BAD_COMMAND: unknown command 'tial' \(did you mean "tail"\?\); see fasten --help$/],
    ['quarantine lst', /^BAD_COMMAND: unknown command 'quarantine lst' \(did you mean "quarantine list"\?\)/],
    ['frobnicate', /^BAD_COMMAND: unknown command 'frobnicate'; see fasten --help$/],
    ['--json tail', /^BAD_OPTION: unknown option '--json'; a command comes first/],
    [
      'tail --jsno',
      /^BAD_OPTION: unknown option '--jsno' \(did you mean "--json"\?\); see fasten tail --help$/,
    ],
    [
      'tail --stream audti',
      /^BAD_OPTION: --stream is "audti" \(did you mean "audit"\?\); expected one of audit, sys, api, all$/,
    ],
    ['tail -n many', /^BAD_OPTION: --backlog is "many"; expected a whole number from 0 to 1000$/],
    ['tail -n 1e3', /^BAD_OPTION: --backlog is "1e3"/],
    ['query --limit', /^BAD_OPTION: option '-n, --limit <rows>' argument missing/],
    ['thread', /^BAD_ARGUMENT: missing required argument 'id'/],
    ['thread a b c', /^BAD_ARGUMENT: too many arguments/],
    ['thread no/slash', /^BAD_ARGUMENT: "no\/slash" cannot be a request id/],
    ['query --since yesterday', /^BAD_OPTION: --since: since "yesterday" is not a time/],
    ['query --status 99', /^BAD_OPTION: --status: status "99" is not an integer from 100 to 599/],
    ['query level:loud', /^BAD_OPTION: --level: level "loud" is none of/],
    ['query code:A --level error', /^BAD_OPTION: no stream has all of code \(audit\) and level \(sys\)/],
    ['query actor:ann --actor bob', /^BAD_OPTION: actor is "ann" in the text and "bob" as an option$/],
    ['query --csv', /^BAD_OPTION: --csv needs one stream/],
    ['query --csv --json', /^BAD_OPTION: --json and --csv exclude each other$/],
    ['verify --expect nonsense', /^BAD_OPTION: --expect is "nonsense"; write it as/],
    ['verify --from-seq 9 --to-seq 3', /^BAD_OPTION: --from-seq: from_seq \(9\) is after to_seq \(3\)/],
    ['completion tcsh', /^BAD_ARGUMENT: shell is "tcsh"/],
    ['tail a.db --store b.db', /^BAD_TARGET: two places to read from, "b.db" and "a.db"; name only one$/],
    ['tail --url ftp://x', /^BAD_TARGET: --url is "ftp:\/\/x", which does not begin with http/],
    ['tail --token t', /^BAD_TARGET: --token without a URL/],
    ['quarantine list https://host/logs', /^BAD_TARGET: https:\/\/host\/logs is another machine's reader/],
  ]
  for (const [commandLine, expected] of cases) {
    const { exitCode, out, err } = await runWords(commandLine.split(' '))
    assert.equal(exitCode, 2, `${commandLine}: ${err}`)
    assert.equal(out, '')
    assert.match(err.trimEnd(), expected)
    assert.equal(err.trimEnd().split('\n').length, 1)
  }
})

test('options may be spelt as the wire spells them', async () => {
  const { err } = await runWords(['tail', '--request_id', 'not/one'])
  assert.match(err, /^BAD_OPTION: --request-id: request_id "not\/one" is not/)
})

test('a fault of ours is told with its stack and exits 70', async () => {
  const { exitCode, err } = await runWords(['tail'])
  assert.equal(exitCode, 70)
  assert.match(err, /^INTERNAL_ERROR: TypeError: this test opens no reader\n {4}at /)
})
