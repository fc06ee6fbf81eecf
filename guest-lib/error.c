// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <fam/error.h>

/* Codes with a meaning of their own in this library; the rest is errno(3). */
static const struct meaning {
	int error;
	const char *text;
	const char *hint;
} meanings[] = {
	{EINVAL, "malformed name, unknown flag, or a ticket nobody got",
	 "name a fabric by label, UUID, PCI address, position '#0', or path "
	 "with a '/'"},
	{ENODEV, "this machine has no fabric",
	 "attach one to the node, or create one on the host with "
	 "'famctl create-fabric SIZE'"},
	{ENOENT, "no fabric has this name, or no region or object in it",
	 "'fam list' shows the fabrics, 'fam ls -r' and 'fam objects' what is "
	 "in one"},
	{ENOTUNIQ, "several fabrics match",
	 "name one by UUID or PCI address; 'fam list' shows them"},
	{ENXIO, "the device's memory has no address, or is switched off",
	 "look for 'BAR 2' in the kernel's log; a memory device this large "
	 "may need more address space from the firmware"},
	{EMEDIUMTYPE, "not a formatted fabric, or an object of another type",
	 "if it was created with --raw, open it raw (fam --raw); 'fam objects' "
	 "shows the types of objects"},
	{EEXIST,
	 "this is a formatted fabric and cannot be opened raw, or a region or "
	 "object that exists",
	 "open it without asking for raw access, or for a new one; a region "
	 "takes the place of another by 'fam mv --replace'"},
	{EBADMSG,
	 "both copies of the superblock or of a region's entry are damaged, or "
	 "an object was written over",
	 "'famctl check-fabric' tells what it is, and --repair what can be put "
	 "right; else restore the fabric's file from a copy; 'fam objects "
	 "--remove NAME' removes a damaged object"},
	{EPROTONOSUPPORT, "a newer format than this program knows",
	 "use the libfam of the release that made it"},
	{EROFS, "the fabric can only be read here",
	 "open it read-only; stores need a node that was made without ':ro' "
	 "behind the fabric's name, or, if its format is a newer one, a newer "
	 "libfam"},
	{ENODATA, "the file or device is shorter than the fabric in it",
	 "do not use it before its full length is restored"},
	{ESTALE, "the fabric's file was removed, or the session was lost",
	 "copy what is still mapped elsewhere, then open a fabric that exists; "
	 "a session is lost if its node or process stood still for longer than "
	 "its lease: what it held belongs to others now"},
	{ESRCH, "the session is no more", "'fam peers' shows who is there"},
	{ENOTBLK, "neither a regular file nor a fabric device",
	 "give the path of the fabric's file itself"},
	{ERANGE, "not inside the fabric's data, or not inside the region",
	 "'fam info' shows how many bytes of data it has, and how many "
	 "vectors; 'fam stat' how long a region is"},
	{EFAULT, "the range is not inside one mapped window",
	 "pass addresses that lie in one window of fam_map()"},
	{EOPNOTSUPP,
	 "no way to the host's disk from here, or no doorbells or sessions, "
	 "or no regions or named objects",
	 "on the host, 'famctl sync-fabric' makes the stores durable, unless "
	 "the fabric's file is in memory (tmpfs); 'server:NAME' gives a "
	 "program of the host doorbells; 'famctl create-fabric' leaves room "
	 "for objects and regions, but with --objects 0 or --regions 0"},
	{EIO, "writing to the disk failed; data may be lost",
	 "look for disk errors in the host's kernel log and check the data; "
	 "then 'famctl clear-errors' on the host ends this, and programs open "
	 "the fabric again"},
	{ELOOP, "a symbolic link, which is not followed",
	 "give the path of the fabric's file itself"},
	{EBUSY,
	 "in use: a driver in this machine holds the device's memory, or "
	 "somebody the region, the object, or its end",
	 "unbind the driver, or use the device it offers; 'fam stat', 'fam "
	 "objects' and 'fam peers' show what is in use, and who is there"},
	{ETXTBSY, "the fabric's file is kept by a program that writes it anew",
	 "wait until 'famctl prepare-fabric' has ended"},
	{ECONNREFUSED, "no server runs there",
	 "start one on the host: 'famctl start-server', or see tm-server(8)"},
	{ECONNRESET, "the other side died, or the server ended the connection",
	 "'fam peers' shows who is there; the server's log tells why: it lets "
	 "in the users named to it, as long as it has descriptors left"},
	{ENOTCONN, "the server is gone",
	 "'famctl start-server' on the host starts it; nodes go on with it, "
	 "programs of the host open the fabric again"},
	{ETIMEDOUT, "no answer in time",
	 "see whether the other side stands still ('fam peers'), and whether "
	 "the server runs or was stopped, or its disk hangs"},
	{EUSERS, "more programs than there is room for",
	 "end some; the place of one that died in another node is free when "
	 "its lease is over, or for making data durable after 10 minutes"},
	{EPROTO, "not the protocol of a server of this fabric",
	 "name the server's socket for host programs, which ends in '.host'; "
	 "in a node, see which other node writes over the flush mailbox"},
	{EMFILE,
	 "the process may not open so many descriptors, or there is no room "
	 "for one more region, object, opening or end",
	 "raise its limit (ulimit -n): each peer takes as many as it has "
	 "vectors; 'fam df' and 'fam objects' show what there is"},
	{EOWNERDEAD,
	 "an owner died: what it held is yours, and may be half changed",
	 "repair it, then call fam_mutex_consistent() or what belongs to it, "
	 "and unlock; 'fam lock --repair' does so for a named lock"},
	{EDEADLK,
	 "the calling thread holds the lock already, or two transactions wait "
	 "for each other",
	 "unlock it first: no lock can be locked twice by one thread; abort "
	 "the transaction, and begin it anew"},
	{E2BIG,
	 "the transaction is longer than half of a journal, or has too "
	 "many locks",
	 "make several of it, or make the heap with longer journals: 'fam heap "
	 "stat' shows theirs"},
	{ECANCELED, "a part of the transaction was aborted",
	 "nothing of it has happened: begin it anew"},
	{EUCLEAN, "nobody has recovered the heap since the host was started",
	 "open it for writing once: 'fam heap recover' does so"},
	{ESHUTDOWN, "the other side has closed, and all was received",
	 "wait again: more comes when somebody opens it to send"},
	{EPIPE, "the receiver has closed, or died",
	 "'fam peers' shows who is there; a new receiver gets what is still "
	 "on its way"},
	{EMSGSIZE, "longer than a message can be, or than the room for it",
	 "a message takes up to a quarter of its channel: make a larger one, "
	 "or "
	 "send it through a stream"},
	{EAGAIN, "not now: it is full, empty, or taken",
	 "try again later, or wait with a timeout"},
	{EINTR, "a signal came while it waited",
	 "call it again, unless the signal was to end the program"},
	{ENOSPC, "no room for it in the fabric, or on its disk",
	 "'fam df' shows the largest piece that is free for a region, 'fam du' "
	 "and 'fam objects' what takes room; 'fam rm' and 'fam objects "
	 "--remove "
	 "NAME' give it back"},
	{ENAMETOOLONG, "the name is too long",
	 "a region's has up to 255 bytes, a named object's 95"},
	{EOVERFLOW, "more than can be counted",
	 "a semaphore goes up to FAM_SEM_MAX"},
	{EXDEV, "atomic operations do not hold between nodes here",
	 "an emulated node needs two possible processors and a thread for "
	 "each: QEMU's '-smp 1,maxcpus=2', never 'thread=single'"},
	{ENOSYS, "this processor has no atomic operations of 128 bits",
	 "give the node a processor model that has cmpxchg16b"},
	{EACCES, "permission denied",
	 "run as root, or ask the fabric's owner for access, or the region's "
	 "('fam stat' shows owner and mode); in a node, be in the group of "
	 "/dev/fam0, or of resource2 of the device"},
	{EPERM, "the kernel does not permit it, or it is for root",
	 "run as root; a driver or the kernel's lockdown may hold the "
	 "memory; only root gives a region to another user"},
};

/* Error numbers of the kernel are smaller; also keeps INT_MIN from -. */
#define ERROR_MAX 4095

/* The errno, whichever sign it came with; 0 if it cannot be one. */
static int number_of(int error)
{
	if (error < -ERROR_MAX || error > ERROR_MAX)
		return 0;
	return error < 0 ? -error : error;
}

static const struct meaning *find(int number)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (meanings[i].error == number)
			return &meanings[i];
	}
	return NULL;
}

const char *fam_strerror(int error)
{
	int number = number_of(error);
	const struct meaning *meaning = find(number);
	const char *text;

	if (meaning)
		return meaning->text;
	/* Constant text: strerror(3) would share a buffer between threads. */
	text = error && !number ? NULL : strerrordesc_np(number);
	return text ? text : "unknown error";
}

const char *fam_errhint(int error)
{
	const struct meaning *meaning = find(number_of(error));

	return meaning ? meaning->hint : NULL;
}
