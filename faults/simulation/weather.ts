// SPDX-License-Identifier: Apache-2.0
import type { Chance } from '../harness/chance.ts'
import type { Network } from './network.ts'
import type { SimFleet } from './sim-fleet.ts'
import type { SimNode } from './sim-node.ts'
import type { Timeline } from './timeline.ts'

export interface World {
  readonly timeline: Timeline
  readonly chance: Chance
  readonly network: Network
  readonly fleet: SimFleet
  /** Grows when one is copied. */
  readonly nodes: SimNode[]
}

export interface Weather {
  /** What happened, and how often. */
  readonly counts: Record<string, number>
  end(): void
}

/** Everything that befalls a world until it ends: what nodes do, what is done to them, and how the line is. */
export function badWeather({ timeline, chance, network, fleet, nodes }: World): Weather {
  const counts: Record<string, number> = {}
  let isOver = false

  function often(name: string, fromMs: number, toMs: number, work: () => unknown): void {
    const again = (): void =>
      void timeline.in(chance.between(fromMs, toMs), async () => {
        if (isOver) return
        counts[name] = (counts[name] ?? 0) + 1
        await work()
        again()
      })
    again()
  }

  async function rest(node: SimNode, afterwards: () => unknown = () => {}): Promise<void> {
    await node.kill()
    await afterwards()
    timeline.in(chance.between(500, 20_000), () => node.start())
  }

  function live(node: SimNode): void {
    often('writes', 300, 9_000, () => node.write(chance.between(1, 30)))
    often('seals', 3_000, 20_000, () => node.seal())
    often('kills', 20_000, 200_000, () => rest(node))
    often('ends', 60_000, 300_000, () => node.stop(chance.between(0, 8_000)))
    // What ended by itself is started again by somebody.
    often('looks', 15_000, 40_000, () => node.start())
  }

  for (const node of nodes) live(node)
  often('server kills', 8_000, 60_000, () => fleet.crash(chance.between(500, 25_000)))
  often('changes of weather', 10_000, 40_000, () => {
    network.weather = chance.pick([0, 0, 0.1, 0.3, 0.6])
    timeline.tell(`the weather is ${network.weather}`)
  })
  often('partitions', 10_000, 60_000, () => {
    const { name } = chance.pick(nodes)
    network.apart.add(name)
    timeline.tell(`${name} is apart`)
    timeline.in(chance.between(2_000, 90_000), () => network.apart.delete(name))
  })
  // Only some are touched by hands: the others must come through without a word.
  const touched = nodes.slice(0, Math.ceil(nodes.length / 3))
  often('backups', 4_000, 15_000, () => {
    const node = chance.pick(touched)
    if (node.isUp) node.backup()
  })
  often('restores', 12_000, 40_000, () => {
    const node = chance.pick(touched)
    return rest(node, () => node.restore())
  })
  often('copies', 12_000, 50_000, async () => {
    const node = touched[0]
    if (node === undefined || nodes.some((each) => each.name === `${node.name}'`)) return
    await rest(node, () => {
      const twin = node.clone()
      nodes.push(twin)
      live(twin)
      timeline.in(chance.between(500, 5_000), () => twin.start())
    })
  })

  return {
    counts,
    end() {
      isOver = true
    },
  }
}
