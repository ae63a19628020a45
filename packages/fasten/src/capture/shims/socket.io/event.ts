// SPDX-License-Identifier: Apache-2.0
import { carry, type Carried, type Carrier } from '../../carriers/carrier.ts'
import { createHeaderCarrier } from '../../carriers/header-carrier.ts'
import { noteOf, type Note } from '../process/note.ts'

/** What goes over the wire for one event: its name, and then its values. */
export type IoEvent = readonly unknown[]

/** The only member of a note, and the member of the handshake's `auth` by which either end says that it understands notes. */
export const noteMember = 'fasten'

/**
 * The ids of an event, in a value of its own right behind the event's name: `["order", {"fasten": {"x-request-id": "r-1"}}, …]`. At the end there may be an
 * acknowledgement, or the offset that Socket.IO recovers connections by. Both ends take the note out before anybody hears the event.
 */
export const ioCarrier: Carrier<IoEvent> = createHeaderCarrier<IoEvent>({
  name: 'socket.io',
  method: 'socket.io',
  get(event, name) {
    const note = readNote(event)
    return note !== undefined && Object.hasOwn(note, name) ? note[name] : undefined
  },
  set([name, ...values], header, value) {
    const note = readNote([name, ...values])
    return [
      name,
      { [noteMember]: { ...note, [header]: value } },
      ...(note === undefined ? values : values.slice(1)),
    ]
  },
})

/** The note in an event that has one. */
export function readNote(event: IoEvent): Note | undefined {
  const holder = noteOf(event[1])
  const note = Object.hasOwn(holder, noteMember) ? holder[noteMember] : undefined
  const isNote = typeof note === 'object' && note !== null && Object.keys(holder).length === 1
  return isNote ? noteOf(note) : undefined
}

/** Takes the note out of an event in place, and answers an event that has nothing but it. */
export function takeNote(event: unknown): IoEvent | undefined {
  if (!Array.isArray(event) || readNote(event) === undefined) return undefined
  return [event[0], ...(event.splice(1, 1) as unknown[])]
}

/** A packet of Socket.IO. */
export interface IoPacket {
  readonly type: number
  readonly data?: unknown
  readonly nsp?: string
}

/** The types of packets that say something of the ids. */
export const packetType = { connect: 0, event: 2 } as const

/** The packet with the ids of the work at hand, or those that were kept for it. */
export function packetWith<Packet extends IoPacket>(packet: Packet, kept: Carried | undefined): Packet {
  if (packet.type !== packetType.event || !Array.isArray(packet.data)) return packet
  const event = packet.data as IoEvent
  return {
    ...packet,
    data: kept === undefined ? carry(ioCarrier, event) : ioCarrier.inject(event, kept),
  }
}
