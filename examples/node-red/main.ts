// SPDX-License-Identifier: Apache-2.0
// Node-RED with fasten plugged in, clients that use it, and what can be read afterwards. Stays up until Ctrl-C;
// with --once it checks a list of expectations instead and ends, with exit code 0 only if all of them hold.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { judge, judgeAll, type Expectation } from '../stage/expectation.ts'
import { fastenCommand, showFastenCommand, typedCommand } from '../stage/fasten-command.ts'
import { freshFolder, shown } from '../stage/folder.ts'
import { command, heading, progress, say, tellAnswer } from '../stage/screen.ts'
import { finalExpectations, liveExpectations } from './demo/expectations.ts'
import { startServer, type Server } from './demo/server.ts'
import { playStory, type Story } from './demo/story.ts'

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } })
process.exitCode = await (values.once ? checkOnce() : stayUp())

async function checkOnce(): Promise<number> {
  const folder = freshFolder(import.meta.dirname)
  const server = await start(folder)
  // Somebody has lost patience: nothing was shown to hold.
  void stopOnSignal(server).then(() => process.exit(130))
  const story = await play(server)
  heading('Expectations')
  const live = await judgeAll(liveExpectations(server, story))
  const final = await judgeAll(finalExpectations(server, await server.stop()))
  const failed = live + final
  say(
    failed === 0
      ? '\nEvery expectation held.'
      : `\n${failed} expectations did not hold; everything the server wrote is in ${shown(folder)}`,
  )
  if (failed === 0) rmSync(folder, { recursive: true })
  return failed === 0 ? 0 : 1
}

async function stayUp(): Promise<number> {
  const server = await start(freshFolder(import.meta.dirname))
  const stopped = stopOnSignal(server)
  const story = await play(server)
  await showEvidence(server, story)
  showDoors(server, story)
  const exitCode = await stopped
  say()
  await progress('stopping', judge(expectation(finalExpectations(server, exitCode), 1)), (complaint) =>
    complaint === undefined
      ? 'stopped; every row that was emitted is stored, and the chain passes'
      : `stopped, but: ${complaint}`,
  )
  return exitCode ?? 1
}

async function start(folder: string): Promise<Server> {
  heading('Node-RED with fasten')
  const begin = performance.now()
  return progress('starting node-red', startServer(folder), ({ origin }) => {
    const seconds = ((performance.now() - begin) / 1000).toFixed(1)
    return `node-red listens on ${origin} after ${seconds} s, rows go to ${shown(join(folder, 'fasten.db'))}`
  })
}

async function play(server: Server): Promise<Story> {
  heading('What the clients did')
  return playStory(server, tellAnswer)
}

/** The same commands a visitor would type, on the same file, while the server goes on writing it. */
async function showEvidence(server: Server, story: Story): Promise<void> {
  const store = shown(server.database)
  await untilStored(story.report.request_id, store)
  for (const [title, ...words] of [
    ['One request, three streams', 'thread', story.setpoint.request_id, '--store', store],
    ['The last rows', 'query', '--limit', '12', '--store', store],
    ['Is all of it still what was written?', 'verify', '--store', store],
  ] as const) {
    heading(title)
    command(`${typedCommand()} ${words.join(' ')}`)
    await showFastenCommand(...words)
  }
}

/** Rows reach the store a moment after the answer; the story's last request is there when all are. */
async function untilStored(requestId: string, store: string): Promise<void> {
  for (const deadline = Date.now() + 5000; Date.now() < deadline;) {
    const { exitCode, stdout } = await fastenCommand('thread', requestId, '--json', '--store', store)
    if (exitCode === 0 && (JSON.parse(stdout) as { counts: { api: number } }).counts.api === 1) return
  }
}

function showDoors({ origin, secrets, database }: Server, story: Story): void {
  heading('It is yours until Ctrl-C')
  say(`  Editor   ${origin}/admin/   admin, password ${secrets.editorPassword}`)
  say(`  Reader   ${origin}/admin/fasten/   behind Node-RED's own log-in; a token that reads rows only:`)
  command(
    `curl -H 'Authorization: Bearer ${secrets.readerToken}' '${origin}/admin/fasten/correlate?request_id=${story.setpoint.request_id}'`,
  )
  say('  Make a row of your own:')
  command(
    `curl -i -u ines:${secrets.operatorPassword} -H 'content-type: application/json' -d '{"celsius":24,"reason":"mine"}' ${origin}/api/tank/7/setpoint`,
  )
  say('  Watch them come (the timer fires every two seconds):')
  command(`${typedCommand()} tail --stream all --store ${shown(database)}`)
}

/** Resolves with the server's exit code once somebody has asked for the end. */
function stopOnSignal(server: Server): Promise<number | null> {
  return new Promise((resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        server.stop().then(resolve, reject)
      })
    }
  })
}

function expectation(list: readonly Expectation[], index: number): Expectation {
  const found = list[index]
  if (found === undefined) throw new TypeError(`there is no expectation ${index}`)
  return found
}
