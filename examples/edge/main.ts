// SPDX-License-Identifier: Apache-2.0
// A small plant of five processes, clients that use it, and the one story that all of them wrote. Stays up until Ctrl-C;
// with --once it checks a list of expectations instead and ends, with exit code 0 only if all of them hold.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { judgeAll } from '../stage/expectation.ts'
import { showFastenCommand, typedCommand } from '../stage/fasten-command.ts'
import { freshFolder, shown } from '../stage/folder.ts'
import { command, heading, progress, say, tellAnswer } from '../stage/screen.ts'
import { finalExpectations, liveExpectations } from './demo/expectations.ts'
import { nodes, startPlant, type Plant } from './demo/plant.ts'
import { playStory, type Story } from './demo/story.ts'
import { untilWhole } from './demo/told.ts'

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } })
process.exitCode = await (values.once ? checkOnce() : stayUp())

async function checkOnce(): Promise<number> {
  const folder = freshFolder(import.meta.dirname)
  const plant = await start(folder)
  // Somebody has lost patience: nothing was shown to hold.
  void stopOnSignal(plant).then(() => process.exit(130))
  const story = await play(plant)
  heading('Expectations')
  const live = await judgeAll(liveExpectations(plant, story))
  const failed = live + (await judgeAll(finalExpectations(plant, await plant.stop())))
  say(
    failed === 0
      ? '\nEvery expectation held.'
      : `\n${failed} expectations did not hold; everything the plant wrote is in ${shown(folder)}`,
  )
  if (failed === 0) rmSync(folder, { recursive: true })
  return failed === 0 ? 0 : 1
}

async function stayUp(): Promise<number> {
  const plant = await start(freshFolder(import.meta.dirname))
  const stopped = stopOnSignal(plant)
  const story = await play(plant)
  await showEvidence(plant, story)
  showDoors(plant)
  const endings = await stopped
  say()
  const failed = await judgeAll(finalExpectations(plant, endings))
  return failed === 0 ? 0 : 1
}

async function start(folder: string): Promise<Plant> {
  heading('Five processes with fasten')
  const begin = performance.now()
  return progress('starting broker, database and five processes', startPlant(folder), ({ origin }) => {
    const seconds = ((performance.now() - begin) / 1000).toFixed(1)
    return `${Object.keys(nodes).join(', ')} run after ${seconds} s; the gateway listens on ${origin}, rows go to ${shown(join(folder, 'fasten.db'))}`
  })
}

async function play(plant: Plant): Promise<Story> {
  heading('What the clients did')
  const story = await playStory(plant, tellAnswer)
  const { request_id } = story.setpoint
  await progress('waiting for what it sets off', untilWhole(request_id, 7, plant.store), ({ rows }) => {
    return `${request_id} has set off all that it will: ${rows.length} rows`
  })
  return story
}

/** The same commands a visitor would type, on the same file, while the plant goes on writing it. */
async function showEvidence(plant: Plant, { setpoint }: Story): Promise<void> {
  const store = shown(plant.store)
  for (const [title, ...words] of [
    ['One id, five processes', 'thread', setpoint.request_id, '--store', store],
    ['What the agent did, and on whose behalf', 'agents', 'tree', setpoint.request_id, '--store', store],
    ['Is all of it still what was written?', 'verify', '--store', store],
  ] as const) {
    heading(title)
    command(`${typedCommand()} ${words.join(' ')}`)
    await showFastenCommand(...words)
  }
}

function showDoors({ origin, store }: Plant): void {
  heading('It is yours until Ctrl-C')
  say('  Make a story of your own; the answer names its id:')
  command(
    `curl -i -H 'x-operator: you' -H 'content-type: application/json' -d '{"celsius":24,"hold_s":5}' ${origin}/tanks/7/setpoint`,
  )
  say('  Watch the rows come:')
  command(`${typedCommand()} tail --stream all --store ${shown(store)}`)
}

/** Resolves with what ended each process, once somebody has asked for the end. */
function stopOnSignal(plant: Plant): ReturnType<Plant['stop']> {
  return new Promise((resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        plant.stop().then(resolve, reject)
      })
    }
  })
}
