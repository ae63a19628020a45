// SPDX-License-Identifier: Apache-2.0
import type { ToldAnswer } from '../../stage/screen.ts'
import type { Scene } from './scene.ts'

export interface Orders {
  /** Went through all three services. */
  readonly delivered: string
  /** Ended at the second, since the card had expired. */
  readonly refused: string
  /** Came while the fleet was dead. */
  readonly meanwhile: readonly string[]
}

/** Customers order, first with the fleet there, then while it is dead. Answers the request ids. */
export async function placeOrders(scene: Scene, tell: (answer: ToldAnswer) => void): Promise<Orders> {
  const place = async (label: string, order: Readonly<Record<string, unknown>>): Promise<string> => {
    const response = await fetch(scene.shop, {
      method: 'POST',
      body: JSON.stringify({ customer: 'ada', item: 'tea', cents: 450, card: 'good', ...order }),
    })
    await response.text()
    const request_id = response.headers.get('x-request-id') ?? ''
    tell({ label, status: response.status, request_id })
    return request_id
  }
  const delivered = await place('an order', { id: 'o-1' })
  const refused = await place('an order with an expired card', { id: 'o-2', card: 'expired' })
  await scene.killFleet()
  const meanwhile: string[] = []
  for (let index = 3; index <= 12; index++)
    meanwhile.push(await place(`an order while the fleet is dead`, { id: `o-${index}` }))
  await scene.restartFleet()
  return { delivered, refused, meanwhile }
}
