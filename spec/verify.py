#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signed notes, checkpoints, tree proofs and policies, read a second time: Python 3.9, standard library, and the `openssl` command.

Written from proofs.md alone, so that a mistake in one reading shows as a difference to the other. Python has no Ed25519 of its
own; `openssl pkeyutl -verify` has. Answers are remembered, because evidence repeats the same signatures.
"""
import base64
import binascii
import hashlib
import os
import re
import subprocess
import tempfile

SAFE = 2**53 - 1
NOTE_BYTES_MAX = 1_000_000
NOTE_SIGNATURES_MAX = 64
PATH_HASHES_MAX = 63
# The characters that Unicode calls white space.
WHITE_SPACE = '\t\n\x0b\x0c\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000'
KEY_NAME = re.compile('[^%s+\x00-\x1f]+' % WHITE_SPACE)


class Refused(Exception):
    """Evidence that cannot be believed; its first argument is the code of proofs.md."""


# --- numbers, base64, hashes ---------------------------------------------------------------------------------------


def count_of(text):
    if re.fullmatch('0|[1-9][0-9]{0,15}', text, re.ASCII) and int(text) <= SAFE:
        return int(text)
    return None


def base64_of(text):
    """The bytes, or None for any text but the one that an encoder writes."""
    try:
        data = base64.b64decode(text.encode('ascii'), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def hash_of(text):
    data = base64_of(text) if len(text) == 44 else None
    return data.hex() if data is not None and len(data) == 32 else None


def is_hash(text):
    return isinstance(text, str) and re.fullmatch('[0-9a-f]{64}', text) is not None


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def leaf_hash(leaf):
    return sha256(b'\0' + leaf)


def join(left, right):
    return sha256(b'\1' + bytes.fromhex(left) + bytes.fromhex(right))


def split_of(size):
    """The largest power of two below a size of 2 or more."""
    return 1 << ((size - 1).bit_length() - 1)


def frontier_of(hashes):
    stack = []
    for at, leaf in enumerate(hashes):
        while at & 1:
            leaf, at = join(stack.pop(), leaf), at >> 1
        stack.append(leaf)
    return stack


def root_of(hashes):
    stack = frontier_of(hashes)
    if not stack:
        return sha256(b'')
    root = stack.pop()
    while stack:
        root = join(stack.pop(), root)
    return root


# --- proofs.md: inclusion and consistency ---------------------------------------------------------------------------


def inclusion_path(hashes, index):
    if len(hashes) == 1:
        return []
    split = split_of(len(hashes))
    if index < split:
        return inclusion_path(hashes[:split], index) + [root_of(hashes[split:])]
    return inclusion_path(hashes[split:], index - split) + [root_of(hashes[:split])]


def consistency_path(hashes, older, is_known=True):
    if older == 0:
        return []
    if older == len(hashes):
        return [] if is_known else [root_of(hashes)]
    split = split_of(len(hashes))
    if older <= split:
        return consistency_path(hashes[:split], older, is_known) + [root_of(hashes[split:])]
    return consistency_path(hashes[split:], older - split, False) + [root_of(hashes[:split])]


def is_included(leaf, index, path, size, root):
    if not (0 <= index < size and is_hash(leaf) and all(map(is_hash, path))):
        return False
    last, found = size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if index & 1 or index == last:
            found = join(sibling, found)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            found = join(found, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(path, older, older_root, newer, newer_root):
    if older > newer or not all(map(is_hash, path)):
        return False
    if older == newer:
        return not path and older_root == newer_root
    if older == 0:
        return not path and older_root == sha256(b'')
    if not path:
        return False
    if older & (older - 1) == 0:
        path = [older_root] + path
    at, last = older - 1, newer - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    was = now = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            was, now = join(sibling, was), join(sibling, now)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            now = join(now, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and was == older_root and now == newer_root


# --- proofs.md: keys and notes --------------------------------------------------------------------------------------


class Key:
    """A verifier key: name, id of eight hex digits, kind (1 signs notes, 4 cosigns), 32 bytes."""

    def __init__(self, text):
        name, plus, rest = text.partition('+')
        self.id, plus, material = rest.partition('+')
        data = base64_of(material)
        if not (plus and KEY_NAME.fullmatch(name) and re.fullmatch('[0-9a-f]{8}', self.id) and data):
            raise Refused('BAD_VERIFIER_KEY', 'not name+id+base64')
        self.name, self.kind, self.public = name, data[0], data[1:]
        if self.kind not in (1, 4) or len(self.public) != 32 or key_id(name, data) != self.id:
            raise Refused('BAD_VERIFIER_KEY', 'another kind, length or id')


def key_id(name, data):
    return sha256(name.encode() + b'\n' + data)[:8]


def key_text(name, kind, public):
    data = bytes([kind]) + public
    return '%s+%s+%s' % (name, key_id(name, data), base64.b64encode(data).decode())


SPKI = bytes.fromhex('302a300506032b6570032100')
remembered = {}


def is_signed(public, message, signature):
    """Whether `signature` over `message` is of the Ed25519 key with these 32 bytes. Asks openssl once for each triple."""
    if len(signature) != 64:
        return False
    question = (public, message, signature)
    if question not in remembered:
        with tempfile.TemporaryDirectory() as folder:
            for name, data in (('key', SPKI + public), ('message', message), ('signature', signature)):
                with open(os.path.join(folder, name), 'wb') as file:
                    file.write(data)
            asked = 'openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in message -sigfile signature'
            remembered[question] = subprocess.run(asked.split(), cwd=folder, capture_output=True).returncode == 0
    return remembered[question]


def parse_note(note):
    """(text, [(name, id, bytes)]) of a note given as text or as bytes."""
    if isinstance(note, bytes):
        try:
            note = note.decode('utf-8')
        except UnicodeDecodeError:
            raise Refused('NOTE_MALFORMED', 'not UTF-8') from None
    if re.search('[\x00-\x09\x0b-\x1f\ud800-\udfff]', note) or len(note) > NOTE_BYTES_MAX:
        raise Refused('NOTE_MALFORMED', 'a character that no note has, or too long')
    split = note.rfind('\n\n')
    lines = note[split + 2 :].split('\n')
    if split < 0 or lines.pop() != '' or not 1 <= len(lines) <= NOTE_SIGNATURES_MAX:
        raise Refused('NOTE_MALFORMED', 'no signature lines')
    return note[: split + 1], [signature_of(line) for line in lines]


def signature_of(line):
    parts = line.split(' ')
    data = base64_of(parts[2]) if len(parts) == 3 and parts[0] == '\u2014' and KEY_NAME.fullmatch(parts[1]) else None
    if data is None or len(data) < 5:
        raise Refused('NOTE_MALFORMED', 'no signature line')
    return parts[1], data[:4].hex(), data[4:]


def cosigned_message(text, time):
    return 'cosignature/v1\ntime %d\n%s' % (time, text)


def open_note(note, keys):
    """(text, {key: time or None}) once at least one of `keys` signed and none of their lines is false."""
    text, signatures = parse_note(note)
    signers = {}
    for name, identity, data in signatures:
        key = next((key for key in keys if (key.name, key.id) == (name, identity)), None)
        if key is None:
            continue
        time, message = None, text
        if key.kind == 4:
            time = int.from_bytes(data[:8], 'big')
            if len(data) != 72 or time > SAFE:
                raise Refused('NOTE_FORGED', name)
            message, data = cosigned_message(text, time), data[8:]
        if not is_signed(key.public, message.encode(), data):
            raise Refused('NOTE_FORGED', name)
        if key not in signers or (time or 0) > (signers[key] or 0):
            signers[key] = time
    if not signers:
        raise Refused('NOTE_UNTRUSTED', 'none of the given keys signed')
    return text, signers


# --- proofs.md: checkpoints, tlog-proofs, policies ------------------------------------------------------------------


class Checkpoint:
    """Size and root of a log that one of `logs` signed. Nothing below takes a size or a root from anywhere else."""

    def __init__(self, note, logs, witnesses=()):
        text, signers = open_note(note, [*logs, *witnesses])
        self.text = text
        self.origin, self.size, self.root, self.extensions = parse_checkpoint(text)
        if not any(key.kind == 1 and key.name == self.origin for key in signers):
            raise Refused('NOTE_UNTRUSTED', 'not signed by its log')
        self.cosigned_by = {key: time for key, time in signers.items() if key.kind == 4}


def parse_checkpoint(text):
    lines = text.split('\n')
    if lines.pop() != '' or len(lines) < 3 or '' in lines:
        raise Refused('CHECKPOINT_MALFORMED', 'lines')
    size, root = count_of(lines[1]), hash_of(lines[2])
    if size is None or root is None:
        raise Refused('CHECKPOINT_MALFORMED', 'size or root')
    return lines[0], size, root, lines[3:]


def parse_path(lines):
    path = [hash_of(line) for line in lines]
    if None in path or len(path) > PATH_HASHES_MAX:
        raise Refused('PROOF_MALFORMED', 'hashes')
    return path


def parse_tlog_proof(file):
    """(index, path, checkpoint, extra or None)"""
    if isinstance(file, bytes):
        try:
            file = file.decode('utf-8')
        except UnicodeDecodeError:
            raise Refused('PROOF_MALFORMED', 'not UTF-8') from None
    head, blank, checkpoint = file.partition('\n\n')
    lines, extra = head.split('\n'), None
    if not blank or lines.pop(0) != 'c2sp.org/tlog-proof@v1':
        raise Refused('PROOF_MALFORMED', 'first line')
    if lines and lines[0].startswith('extra '):
        extra = base64_of(lines.pop(0)[len('extra ') :])
        if extra is None:
            raise Refused('PROOF_MALFORMED', 'extra')
    index = count_of(lines[0][len('index ') :]) if lines and lines[0].startswith('index ') else None
    if index is None:
        raise Refused('PROOF_MALFORMED', 'index')
    return index, parse_path(lines[1:]), checkpoint, extra


class Policy:
    """Whom to believe: keys of logs, keys of witnesses, and which cosignatures are enough."""

    def __init__(self, text):
        self.logs, self.witnesses, self.groups, self.quorum = [], {}, {}, None
        for line in text.split('\n'):
            if re.search('[\x00-\x08\x0b-\x1f\x7f]', line):
                raise Refused('BAD_POLICY', line)
            words = [word for word in re.split('[ \t]+', line) if word]
            if words and not words[0].startswith('#'):
                self.take(words)
        if self.quorum is None:
            raise Refused('BAD_POLICY', 'no quorum')

    def take(self, words):
        verb, rest = words[0], words[1:]
        names = {*self.witnesses, *self.groups}
        if verb == 'log' and len(rest) in (1, 2):
            key = self.key(rest[0], 1)
            if any((key.name, key.public) == (other.name, other.public) for other in self.logs):
                raise Refused('BAD_POLICY', 'twice')
            self.logs.append(key)
        elif verb == 'witness' and len(rest) in (2, 3) and rest[0] not in {*names, 'none'}:
            key = self.key(rest[1], 4)
            if any(key.public == other.public for other in self.witnesses.values()):
                raise Refused('BAD_POLICY', 'twice')
            self.witnesses[rest[0]] = key
        elif verb == 'group' and len(rest) > 2 and rest[0] not in {*names, 'none'}:
            members = rest[2:]
            used = {member for _, others in self.groups.values() for member in others}
            if not names.issuperset(members) or len(set(members)) < len(members) or used.intersection(members):
                raise Refused('BAD_POLICY', 'members')
            spelled = {'any': '1', 'all': str(len(members))}.get(rest[1], rest[1])
            if not re.fullmatch('[1-9][0-9]{0,8}', spelled) or int(spelled) > len(members):
                raise Refused('BAD_POLICY', 'threshold')
            self.groups[rest[0]] = (int(spelled), members)
        elif verb == 'quorum' and len(rest) == 1 and self.quorum is None and rest[0] in {*names, 'none'}:
            self.quorum = rest[0]
        else:
            raise Refused('BAD_POLICY', ' '.join(words))

    def key(self, text, kind):
        key = Key(text)
        if key.kind != kind:
            raise Refused('BAD_POLICY', 'role')
        return key

    def has_quorum(self, checkpoint):
        if self.quorum == 'none':
            return True
        publics = {key.public for key in checkpoint.cosigned_by}
        satisfied = {name for name, key in self.witnesses.items() if key.public in publics}
        for name, (threshold, members) in self.groups.items():
            if len(satisfied.intersection(members)) >= threshold:
                satisfied.add(name)
        return self.quorum in satisfied
