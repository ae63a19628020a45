// SPDX-License-Identifier: Apache-2.0
/**
 * One simulation: nodes that write, sign, ship, die and come back, servers that die, and a network in changing weather, for some minutes of
 * simulated time; then fine weather, until everything is where it should be or a day has passed.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { verifyLogs } from '../../packages/fasten/src/reader/local-verify.ts'
import { verifierKey } from '../../packages/fasten/src/core/verifier-key.ts'
import { openForReading } from '../../packages/fasten/src/store/open.ts'
import { sha256 } from '../../packages/fasten/src/store/platform.ts'
import { createChance } from '../harness/chance.ts'
import { createFleetJudge, isPrefix, must, type FleetJudge } from './judge-fleet.ts'
import { createNetwork } from './network.ts'
import { createSimFleet, type SimPlace } from './sim-fleet.ts'
import { createSimNode, type SimNode } from './sim-node.ts'
import { createTimeline } from './timeline.ts'
import { badWeather } from './weather.ts'

export interface SimulationOrder {
  readonly place: SimPlace
  readonly seed: number
  /** Of the names of its nodes, other in each simulation of one database. */
  readonly prefix: string
  readonly folder: string
  readonly nodes: number
  readonly servers: number
  /** Of bad weather. */
  readonly minutes: number
}

export interface SimulationReport {
  readonly rows: number
  readonly logs: number
  readonly simulatedMs: number
  readonly counts: Readonly<Record<string, number>>
  /** Of everything that happened, in order: the same for the same seed. */
  readonly trace: string
}

const settleMs = 1_800_000
const restMs = 60_000

/** Throws an error that names the seed and the last things that happened when something is not as it must be. */
export async function simulate(order: SimulationOrder): Promise<SimulationReport> {
  const { place, seed, prefix, folder, minutes } = order
  const chance = createChance(seed)
  const timeline = createTimeline()
  let isDirty = false
  const answers: string[] = []
  const fleet = createSimFleet({
    place,
    timeline,
    chance,
    servers: order.servers,
    broken: 6,
    onCommit() {
      isDirty = true
    },
    onAnswer(path, text) {
      if (path.endsWith('/rows') && text !== '') answers.push(text)
    },
  })
  const network = createNetwork(timeline, chance, fleet.deliver)
  const nodes: SimNode[] = []
  const judge = await createFleetJudge({ place, pattern: `%/${prefix}-%`, nodes: () => nodes })
  const recorded = new Set<SimNode>()
  for (let index = 0; index < order.nodes; index++) {
    const name = `${prefix}-n${index}`
    nodes.push(
      createSimNode({
        name,
        folder: join(folder, name),
        token: await fleet.token(name),
        timeline,
        chance,
        network,
        onRecorded: (node) => recorded.add(node),
      }),
    )
  }

  async function step(): Promise<void> {
    must(await timeline.step(), 'nothing happens any more')
    if (!isDirty && answers.length === 0 && recorded.size === 0) return
    isDirty = false
    await settleReads(answers, judge)
    for (const node of recorded) await lookAtRecorded(node, judge)
    recorded.clear()
  }

  try {
    for (const node of nodes) await node.start()
    const weather = badWeather({ timeline, chance, network, fleet, nodes })
    while (timeline.nowMs() < minutes * 60_000) await step()
    weather.end()
    network.weather = 0
    network.apart.clear()
    fleet.calm()
    timeline.tell('the weather clears')
    for (const node of nodes) await node.start()
    for (const node of nodes) await node.seal()
    const clearedAt = timeline.nowMs()
    let resting: SimNode | undefined
    let askedMs = clearedAt
    for (;;) {
      const left = await unsettled(nodes, judge)
      if (left === undefined) break
      must(timeline.nowMs() - clearedAt < settleMs, `half an hour later ${left.otherwise}`)
      if (left.resting !== undefined && (resting !== left.resting || timeline.nowMs() - askedMs > restMs)) {
        // Everything that it has is there, so it asks nothing; a process that starts does.
        resting = left.resting
        askedMs = timeline.nowMs()
        await resting.kill()
        await resting.start()
      }
      for (let turn = 0; turn < 20; turn++) await step()
    }
    await judgeEnd({ place, nodes, judge })
    return {
      rows: judge.rows.values().reduce((sum, { length }) => sum + length, 0),
      logs: judge.rows.size,
      simulatedMs: timeline.nowMs(),
      counts: {
        ...fleet.counts,
        ...Object.fromEntries(network.met),
        ...weather.counts,
        answers: judge.acked(),
      },
      trace: createHash('sha256')
        .update(timeline.told.join('\n').replaceAll(`${prefix}-`, ''))
        .digest('hex'),
    }
  } catch (error) {
    const last = timeline.told.slice(-40).join('\n')
    throw new Error(`seed ${seed}: ${(error as Error).message}\nwhat happened last:\n${last}`, {
      cause: error,
    })
  } finally {
    for (const node of nodes) await node.kill()
  }
}

async function settleReads(answers: string[], judge: FleetJudge): Promise<void> {
  for (const text of answers.splice(0)) judge.promised(text)
  await judge.look()
}

/** What a node believes to be at the fleet, and may therefore sweep, is there. */
async function lookAtRecorded(node: SimNode, judge: FleetJudge): Promise<void> {
  if (!node.isUp) return
  for (const { log, size } of await node.shipped()) {
    const known = judge.rows.get(log) ?? []
    must(
      size <= known.length,
      `${node.name} believes ${size} rows of ${log} shipped, and ${known.length} are there`,
    )
    must(isPrefix(node.logs.get(log)?.slice(0, size) ?? [], known), `${log} is another at the fleet`)
  }
}

interface Unsettled {
  readonly otherwise: string
  /** A node that is not told that the fleet has more of its log, because nothing of its own is left to send. */
  readonly resting?: SimNode
}

/** What is not yet as it will be; undefined when nothing is left. */
async function unsettled(nodes: readonly SimNode[], judge: FleetJudge): Promise<Unsettled | undefined> {
  for (const node of nodes) {
    if (!node.isUp) return { otherwise: `${node.name} is down` }
    const signed = await node.signedSizes()
    const shipped = new Map((await node.shipped()).map(({ log, size }) => [log, size]))
    for (const [log, hashes] of node.logs) {
      const there = judge.rows.get(log) ?? []
      const isWhole = isPrefix(hashes, there) && there.length === hashes.length
      const isSigned = (judge.signed.get(log) ?? 0) >= (signed.get(log) ?? 0)
      if (isWhole && isSigned) continue
      const code = isParted(hashes, there) ? 'FORK_DETECTED' : node.refused.get(log)
      if (node.isForked && code !== undefined && node.refused.get(log) === code) continue
      const otherwise = `the fleet has ${there.length} rows of ${log}, signed ${judge.signed.get(log) ?? 0}, and ${node.name} has ${hashes.length}, signed ${signed.get(log) ?? 0}`
      const isResting = node.isForked && isSigned && shipped.get(log) === hashes.length
      return { otherwise, ...(isResting && isPrefix(hashes, there) ? { resting: node } : {}) }
    }
  }
  return undefined
}

const isParted = (one: readonly string[], other: readonly string[]): boolean =>
  one.some((hash, index) => index < other.length && other[index] !== hash)

interface End {
  readonly place: SimPlace
  readonly nodes: readonly SimNode[]
  readonly judge: FleetJudge
}

async function judgeEnd({ place, nodes, judge }: End): Promise<void> {
  const evidence = await judge.evidence()
  for (const node of nodes)
    for (const [log, hashes] of node.logs) {
      const there = judge.rows.get(log) ?? []
      const codes = evidence.get(log) ?? new Set()
      if (!node.isForked)
        must(codes.size === 0, `${log} was refused (${[...codes].join(', ')}), and nobody touched it`)
      if (isParted(hashes, there))
        must(
          codes.has('FORK_DETECTED'),
          `${node.name} has another ${log} (${hashes.length} rows, ${node.refused.get(log)}) than the fleet (${there.length}), which kept no evidence of it`,
        )
    }
  await lookAgain(place, judge)
  await lookAtTrail(place, judge)
}

/** All of it once more, from the first row on, by the verifier that everybody has. */
async function lookAgain(place: SimPlace, judge: FleetJudge): Promise<void> {
  const store = await openForReading(place.database.ownerUrl)
  try {
    for (const [log, hashes] of judge.rows) {
      const read = (await store.leafHashes?.(log, 0, hashes.length + 1)) ?? []
      must(read.length === hashes.length && isPrefix(read, hashes), `rows of ${log} are not what they were`)
      const verdict = await verifyLogs([store], { log }, sha256, undefined, {
        logs: judge.keysOf(log).map((key) => verifierKey(log, 'ed25519', Buffer.from(key, 'hex'), sha256)),
        own: [],
        witnesses: [place.witness.key],
        kept: [],
      })
      const [of] = verdict.logs
      must(
        of?.verdict === 'PASS',
        `${log}: ${of?.verdict} ${JSON.stringify(of?.breaks)} ${of?.notes.join('; ')}`,
      )
      const anchored = of?.anchored_to?.size ?? 0
      must(anchored === (judge.signed.get(log) ?? 0), `${log} is anchored to ${anchored}`)
    }
  } finally {
    await store.close()
  }
}

/** The fleet's own log tells of each checkpoint once. */
async function lookAtTrail({ database: { pool }, fasten }: SimPlace, judge: FleetJudge): Promise<void> {
  await fasten.flush(60_000)
  for (;;) {
    const { rows } = await pool.query<{ left: string }>('SELECT count(*) AS left FROM fasten_outbox')
    if (rows[0]?.left === '0') break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const { rows } = await pool.query<{ log: string; told: number; kept: number }>(
    `SELECT log, count(*)::int AS kept, (
      SELECT count(*)::int FROM audit_log WHERE code = 'CHECKPOINT_ACCEPTED' AND target = c.log
    ) AS told FROM fasten_checkpoints c WHERE log = ANY ($1) GROUP BY log`,
    [[...judge.rows.keys()]],
  )
  for (const { log, told, kept } of rows)
    must(told === kept, `${kept} checkpoints of ${log} are kept, and ${told} were told`)
}
