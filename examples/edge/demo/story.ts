// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto'
import type { ToldAnswer } from '../../stage/screen.ts'
import type { Plant } from './plant.ts'

/** What the clients sent and got. */
export interface Story {
  /** The one that the rest is about; it brought its own id. */
  readonly setpoint: ToldAnswer
  /** Two more at the same time. */
  readonly others: readonly ToldAnswer[]
  readonly refused: ToldAnswer
}

/** Plays the clients' part, telling each step when it is done. Rejects only when the gateway cannot be reached. */
export async function playStory({ origin }: Plant, tell: (answer: ToldAnswer) => void): Promise<Story> {
  const set = async (label: string, operator: string, tank: number, body: object, id?: string) => {
    const response = await fetch(`${origin}/tanks/${tank}/setpoint`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-operator': operator,
        ...(id === undefined ? {} : { 'x-request-id': id }),
      },
      body: JSON.stringify(body),
    })
    await response.arrayBuffer()
    return { label, status: response.status, request_id: response.headers.get('x-request-id') ?? '' }
  }
  const told = async (step: Promise<ToldAnswer>): Promise<ToldAnswer> => {
    const answer = await step
    tell(answer)
    return answer
  }
  const orderId = `order-4711-${randomBytes(3).toString('hex')}`
  const warmer = { celsius: 22.5, hold_s: 3, reason: 'batch 12 ferments warmer' }
  const setpoint = await told(set('ines lends tank 7 a setpoint', 'ines', 7, warmer, orderId))
  const others = await Promise.all(
    [8, 9].map((tank) =>
      told(set(`omar lends tank ${tank} one, two at once`, 'omar', tank, { celsius: 31, hold_s: 3 })),
    ),
  )
  const refused = await told(set('omar forgets for how long', 'omar', 8, { celsius: 31 }))
  return { setpoint, others, refused }
}
