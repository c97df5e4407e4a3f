"""The checks of 07-publish: messages to all subscribers of their topic.

To add one, start from `to_all_subscribers`, a short one; see "Add a check" in
tests/README.md. The checks about slow subscribers are in publish_slow.py."""

import signal
import socket
import threading
import time

from checks.exercises.lines import LINE, PIECES_HINT, LinesTest, subscriber
from harness import (TESTS_OF, Failure, arrived, check, counted, end_half,
                     reset, share, shown, typical_delay, wait_until)


SHARED = ('no_tick silent_client shortage_shared out_of_descriptors '
          'more_than_fit limit_raised messages_unread nothing_remains '
          'ends_in_good_order ends_under_load signal_before_select ends_unread')


class PublishTest(LinesTest):
    """A test of 07-publish."""

    def plenty(self):
        """Messages from a client to itself: it gets as much as it sends."""
        return b'SUB me\n' + (b'PUB me ' + b'x' * 900 + b'\n') * 70


TESTS_OF['07-publish'] = PublishTest


@check('07-publish')
def to_a_subscriber(test):
    """SUB is answered with OK, and a message arrives as MSG topic text"""
    server = test.server()
    reader, writer = subscriber(test, server, b'news'), test.talker(server)
    writer.say(b'PUB news hello, world')
    reader.expect(b'MSG news hello, world', why='of its topic')
    writer.nothing('PUB has no answer')
    reader.nothing('each message arrives once')


@check('07-publish')
def several_at_once(test):
    """many lines may arrive at once, followed by the beginning of another"""
    server = test.server()
    reader, writer = test.talker(server), test.talker(server)
    reader.say(b'SUB a', b'?', b'SUB a', b'SUB a')
    reader.expect(b'OK', b'ERROR', b'OK', b'OK', hint=PIECES_HINT)
    lines = [b'PUB a %d' % number for number in range(1000)]
    writer.send(b'\n'.join(lines))
    for line in lines[:-1]:
        reader.expect(line.replace(b'PUB', b'MSG', 1), hint=PIECES_HINT)
    writer.send(b'\n')
    reader.expect(lines[-1].replace(b'PUB', b'MSG', 1), hint=PIECES_HINT)


@check('07-publish')
def split_anywhere(test):
    """a line may be split anywhere, while other clients send theirs"""
    server = test.server()
    reader, writer = test.talker(server), test.talker(server)
    for byte in b'SUB news\n':
        reader.send(bytes([byte]), PIECES_HINT)
        wait_until(lambda: reader.silent(0.005), 0.1)
    reader.expect(b'OK', hint=PIECES_HINT)
    other = test.talker(server)
    for at in range(1, 17):
        line = b'PUB news part %02d\n' % at
        writer.send(line[:at])
        other.say(b'PUB news other')
        reader.expect(b'MSG news other', hint=PIECES_HINT)
        writer.send(line[at:])
        reader.expect(b'MSG news part %02d' % at, hint=PIECES_HINT)


@check('07-publish')
def to_all_subscribers(test):
    """a message reaches all clients subscribed to its topic, and no others"""
    server = test.server()
    readers = [subscriber(test, server, b'news') for _ in range(5)]
    other, writer = subscriber(test, server, b'sport'), test.talker(server)
    for text in b'one', b'two':
        writer.say(b'PUB news ' + text)
        for reader in readers:
            reader.expect(b'MSG news ' + text, hint='go through the whole '
                          'table of connections')
    other.nothing('it has subscribed to another topic')
    writer.nothing('it has not subscribed')


@check('07-publish')
def topics_exact(test):
    """a topic is compared as a whole, byte by byte"""
    server = test.server()
    reader, writer = subscriber(test, server, b'news'), test.talker(server)
    for topic in (b'new', b'newsy', b'News', b'oldnews', b'n', b'ews'):
        writer.say(b'PUB ' + topic + b' x', b'PUB news yes')
        reader.expect(b'MSG news yes', why='and no message to the topic '
                      f'{shown(topic)}', hint='compare whole topics with '
                      'strcmp: strstr and strncmp find parts of them, too')
    for topic in (b'new', b'newsy'):
        subscriber(test, server, topic)
    writer.say(b'PUB news again')
    reader.expect(b'MSG news again')


@check('07-publish')
def own_topic(test):
    """a client that subscribes to the topic of its own message gets it"""
    server = test.server()
    client, other = (subscriber(test, server, b'chat') for _ in range(2))
    for text in (b'to all', b'and to me'):
        client.say(b'PUB chat ' + text)
        client.expect(b'MSG chat ' + text, why='though it sent that itself')
        other.expect(b'MSG chat ' + text)
    client.nothing('each message arrives once')


@check('07-publish')
def subscribed_twice(test):
    """a second SUB of the same topic is answered again, and changes nothing"""
    server = test.server()
    reader, writer = subscriber(test, server, *[b'news'] * 20), None
    writer = test.talker(server)
    writer.say(b'PUB news once')
    reader.expect(b'MSG news once')
    reader.nothing('a message arrives once, however often a client subscribes',
                   hint='does the client already have the topic?')


@check('07-publish')
def many_topics(test):
    """a client may have 8 topics, and a SUB of one more is an ERROR"""
    server = test.server()
    topics = [b'topic%d' % number for number in range(8)]
    reader, writer = subscriber(test, server, *topics), test.talker(server)
    for topic in topics:
        writer.say(b'PUB ' + topic + b' x')
        reader.expect(b'MSG ' + topic + b' x', hint='keep all topics of a '
                      'client')
    reader.refused(b'SUB one-more', 'there is room for 8 topics')
    writer.say(b'PUB one-more x')
    reader.nothing('this topic was refused')
    subscriber(test, server, b'one-more')


@check('07-publish')
def longest_topic(test):
    """a topic may have 31 bytes, and one of 32 bytes is an ERROR"""
    server = test.server()
    for topic in (b'!', b'~', b't' * 31):
        reader, writer = subscriber(test, server, topic), test.talker(server)
        writer.say(b'PUB ' + topic + b' x')
        reader.expect(b'MSG ' + topic + b' x')
        reader.close()
    for size in (32, 33, 100, 1000):
        writer.refused(b'SUB ' + b't' * size)
        writer.refused(b'PUB ' + b't' * size + b' x')
    writer.say(b'SUB ' + b't' * 30)
    writer.expect(b'OK')


@check('07-publish')
def other_lines(test):
    """a line of any other form is answered with ERROR, and changes nothing"""
    server = test.server()
    reader, client = subscriber(test, server, b'news'), test.talker(server)
    for line in (b'', b' ', b'hello', b'SUB', b'SUB ', b'PUB', b'PUB ',
                 b'PUB news', b'SUB news ', b'SUB two words', b'SUB  news',
                 b'PUB  news x', b' SUB news', b'sub news', b'pub news x',
                 b'SUBnews', b'PUBnews x', b'SUB news\r', b'SUB ne\tws',
                 b'SUB n\xc3\xa9', b'PUB n\xc3\xa9 x', b'SUB n\0', b'\0',
                 b'PUB n\0 x', b'SUB \x7f', b'MSG news x', b'OK', b'ERROR',
                 b'UNSUB news', b'PUBLISH news x', b'SUB\tnews'):
        client.refused(line, 'answer ERROR to a line that is neither '
                       '"SUB topic" nor "PUB topic text"')
    reader.nothing('no line was a message')
    client.nothing('it has not subscribed')


@check('07-publish')
def any_text(test):
    """a text may contain any bytes but a newline, and may be empty"""
    server = test.server()
    reader, writer = subscriber(test, server, b'news'), test.talker(server)
    every = bytes(byte for byte in range(256) if byte != 10)
    for text in (b'', b' ', b'  two  blanks ', b'a\0b', b'\r', every,
                 b'PUB news x', b'%s%n%d', b'ERROR'):
        writer.say(b'PUB news ' + text)
        reader.expect(b'MSG news ' + text, hint='a text is not a string: a '
                      'NUL is a byte like any other; only the newline ends it')


@check('07-publish')
def longest_line(test):
    """a line may have 1,024 bytes with its newline"""
    server = test.server()
    reader, writer = subscriber(test, server, b'news'), test.talker(server)
    for size in (LINE - 1, LINE, LINE):
        text = b'x' * (size - len(b'PUB news \n'))
        writer.say(b'PUB news ' + text)
        reader.expect(b'MSG news ' + text, why='from a line of '
                      + counted(size))


@check('07-publish')
def too_long_line(test):
    """a longer line gets one ERROR, no part of it is passed on, and the next
    line is handled"""
    server = test.server()
    reader, writer = subscriber(test, server, b'news'), test.talker(server)
    for size in (LINE + 1, LINE + 2, 2 * LINE, 2 * LINE + 1, 5000, 100000):
        line = b'PUB news ' + b'x' * (size - len(b'PUB news \n'))
        if size < 3000:  # its end looks like a line
            line = line[:size - 1] + b'PUB news y'
        writer.refused(line,
                       'a line that is too long ends at its newline, like any '
                       'other: skip everything before it')
        writer.say(b'PUB news after %d' % size)
        reader.expect(b'MSG news after %d' % size, why='and nothing of the '
                      'line before it, which was too long')
    writer.nothing('one ERROR for a line')


@check('07-publish')
def line_without_end(test):
    """bytes without a newline are not a line, not even at the end of the
    stream"""
    server = test.server()
    reader, writer = subscriber(test, server, b'news'), test.talker(server)
    writer.send(b'PUB news whole\nPUB news not whole')
    writer.socket.shutdown(socket.SHUT_WR)
    reader.expect(b'MSG news whole')
    writer.ended('close the connection when recv returns 0')
    reader.nothing('a line without a newline is not a line')


@check('07-publish')
def half_close(test):
    """at the end of a client's stream passes on what the client has sent, and
    closes the connection"""
    server = test.server()
    reader, writer = subscriber(test, server, b'news'), test.talker(server)
    lines = [b'PUB news %d' % number for number in range(300)]
    writer.say(b'SUB x', b'??', *lines, b'???')
    writer.socket.shutdown(socket.SHUT_WR)
    for line in lines:
        reader.expect(line.replace(b'PUB', b'MSG'), hint='handle what has '
                                                         'arrived before the '
                                                         'end of the stream')
    writer.expect(b'OK', b'ERROR', b'ERROR', why='before the end of the stream')
    writer.ended('close the connection when recv returns 0')
    reader.socket.shutdown(socket.SHUT_WR)
    reader.ended('close a subscriber, too, when its stream ends: a half-close '
                 'and a close look the same here')
    test.served(server, test.connect(server))


@check('07-publish')
def order_of_each(test):
    """each subscriber gets all messages of a publisher, in order"""
    server = test.server()
    readers = [subscriber(test, server, b'news') for _ in range(3)]
    count, each = 5, 200
    writers = [test.talker(server) for _ in range(count)]

    def write(number):
        for message in range(each):
            writers[number].say(b'PUB news %d %d' % (number, message))
    threads = [threading.Thread(target=write, args=(number,), daemon=True)
               for number in range(count)]
    for thread in threads:
        thread.start()
    for reader in readers:
        last = [-1] * count
        for _ in range(count * each):
            line = reader.line(f'{count * each} messages', 'each message goes '
                               'to each subscriber')
            number, message = map(int, line.split()[2:])
            if message != last[number] + 1:
                raise Failure(f'message {last[number] + 1} of publisher '
                              f'{number}', shown(line), 'in order, without a '
                              'gap: this subscriber reads all the time')
            last[number] = message
    for thread in threads:
        thread.join()


@check('07-publish')
def subscribers_reset(test):
    """if subscribers reset their connections, the others still get every
    message"""
    server = test.server()
    reader, writer = subscriber(test, server, b'news'), test.talker(server)
    for turn in range(10):
        leaving = [subscriber(test, server, b'news') for _ in range(6)]
        late = subscriber(test, server, b'news')
        server.signal(signal.SIGSTOP)  # so that send fails first
        wait_until(lambda: server.state() == 'T')
        writer.say(b'PUB news %d' % turn, b'PUB news and %d' % turn)
        for client in leaving[:3]:
            reset(client.socket)
        for client in leaving[3:]:
            client.close()
        server.signal(signal.SIGCONT)
        for client in reader, late:
            try:
                client.expect(b'MSG news %d' % turn, b'MSG news and %d' % turn)
            except Failure:
                test.alive(server, 'subscribers have reset their connections')
                raise
        reset(late.socket)
    test.alive(server, 'subscribers have reset their connections')


@check('07-publish', open=False, after='stalled_subscriber')
def ended_in_this_turn(test):
    """a subscriber whose stream has ended gets nothing published later in the
    same turn"""
    server = test.server()
    for turn in range(3):
        reader = subscriber(test, server, b'news')
        writer = test.talker(server)  # the later client, in a later row
        writer.nothing('it has not subscribed')
        server.signal(signal.SIGSTOP)
        wait_until(lambda: server.state() == 'T')
        end_half(reader.socket)
        writer.say(b'PUB news %d' % turn)
        wait_until(lambda: arrived(writer.socket))
        server.signal(signal.SIGCONT)
        reader.ended('a subscription ends with the client\'s stream: send '
                     'it nothing after that, even if its row is still there')
        reader.close()
        writer.nothing('it has not subscribed')
    test.alive(server, 'subscribers have left')


@check('07-publish', open=False)
def room_at_once(test):
    """a descriptor that is freed while clients wait for one is used at once"""
    middle = typical_delay(test, delays_after_ends, 0.05)
    if middle > 0.05:
        raise Failure('the next client served at once when one leaves',
                      f'{middle * 1000:.0f} ms later, most times',
                      'the set was filled before the row was removed, so it '
                      'lacks the listener: let select return at once')


def delays_after_ends(test):
    """Measures nine times how long the next client waits after one has left.
    """
    server = test.server()
    client, times = test.talker(server), []
    client.refused(b'?')
    server.limit_descriptors(max(server.descriptors()) + 1)
    for _ in range(9):
        other = test.talker(server)
        other.say(b'?')
        began = time.monotonic()
        client.close()
        other.expect(b'ERROR', why='when another client has left')
        times.append(time.monotonic() - began)
        client = other
    return times


@check('07-publish')
def eight_hundred(test):
    """800 subscribers get each message, and use no processor time while
    idle"""
    count = 800
    test.need_descriptors(2 * count)
    server = test.server()
    readers = [test.talker(server) for _ in range(count)]
    for reader in readers:
        reader.say(b'SUB news')
    for reader in readers:
        reader.expect(b'OK')
    writer = test.talker(server)
    lines = [b'news %d' % number for number in range(20)]
    writer.say(*[b'PUB ' + line for line in lines])
    for reader in readers:
        reader.expect(*[b'MSG ' + line for line in lines])
    if server.spins():
        raise Failure(f'no processor time with {count} idle subscribers',
                      'it spins', 'wait for writing only while something is '
                      'left to send: a socket can nearly always be written to')
    for reader in readers[::2]:
        reset(reader.socket)
    writer.say(b'PUB news last')
    for reader in readers[1::2]:
        reader.expect(b'MSG news last')


import checks.exercises.publish_slow  # noqa: E402,F401 after these

share('07-publish', SHARED)
