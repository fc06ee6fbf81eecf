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
	{ENOENT, "no fabric has this name", "'fam list' shows what there is"},
	{ENOTUNIQ, "several fabrics match",
	 "name one by UUID or PCI address; 'fam list' shows them"},
	{ENXIO, "the device's memory has no address, or is switched off",
	 "look for 'BAR 2' in the kernel's log; a memory device this large "
	 "may need more address space from the firmware"},
	{EMEDIUMTYPE, "not a formatted fabric",
	 "if it was created with --raw, open it raw (fam --raw)"},
	{EEXIST, "this is a formatted fabric and cannot be opened raw",
	 "open it without asking for raw access"},
	{EBADMSG, "both copies of the superblock are damaged",
	 "restore the fabric's file from a copy"},
	{EPROTONOSUPPORT, "a newer format than this program knows",
	 "use the libfam of the release that made it"},
	{EROFS, "the fabric can only be read here",
	 "open it read-only, or use a newer libfam if its format asks for "
	 "one"},
	{ENODATA, "the file or device is shorter than the fabric in it",
	 "do not use it before its full length is restored"},
	{ESTALE, "the fabric's file was removed, or the session was lost",
	 "copy what is still mapped elsewhere, then open a fabric that exists; "
	 "a session is lost if its node or process stood still for longer than "
	 "its lease: what it held belongs to others now"},
	{ESRCH, "the session is no more", "'fam peers' shows who is there"},
	{ENOTBLK, "neither a regular file nor a fabric device",
	 "give the path of the fabric's file itself"},
	{ERANGE, "not inside the fabric's data",
	 "'fam info' shows how many bytes of data it has, and how many "
	 "vectors"},
	{EFAULT, "the range is not inside one mapped window",
	 "pass addresses that lie in one window of fam_map()"},
	{EOPNOTSUPP,
	 "no way to the host's disk from here, or no doorbells or sessions",
	 "on the host, 'famctl sync-fabric' makes the stores durable, unless "
	 "the fabric's file is in memory (tmpfs); 'server:NAME' gives a "
	 "program of the host doorbells"},
	{EIO, "writing to the disk failed; data may be lost",
	 "look for disk errors in the host's kernel log and check the data; "
	 "then 'famctl clear-errors' on the host ends this, and programs open "
	 "the fabric again"},
	{ELOOP, "a symbolic link, which is not followed",
	 "give the path of the fabric's file itself"},
	{EBUSY, "a driver in this machine holds the device's memory",
	 "unbind the driver, or use the device it offers"},
	{ETXTBSY, "the fabric's file is kept by a program that writes it anew",
	 "wait until 'famctl prepare-fabric' has ended"},
	{ECONNREFUSED, "no server runs there",
	 "start one on the host: 'famctl start-server', or see tm-server(8)"},
	{ECONNRESET, "the server ended the connection",
	 "its log tells why; it lets in the users named to it, as long as it "
	 "has descriptors left"},
	{ENOTCONN, "the server is gone",
	 "'famctl start-server' on the host starts it; nodes go on with it, "
	 "programs of the host open the fabric again"},
	{ETIMEDOUT, "no answer in time",
	 "see whether the server runs or was stopped, and whether its disk "
	 "hangs"},
	{EUSERS, "more programs than there is room for",
	 "end some; the place of one that died in another node is free when "
	 "its lease is over, or for making data durable after 10 minutes"},
	{EPROTO, "not the protocol of a server of this fabric",
	 "name the server's socket for host programs, which ends in '.host'; "
	 "in a node, see which other node writes over the flush mailbox"},
	{EMFILE, "the process may not open so many descriptors",
	 "raise its limit (ulimit -n): each peer takes as many as it has "
	 "vectors"},
	{EXDEV, "atomic operations do not hold between nodes here",
	 "an emulated node needs two possible processors and a thread for "
	 "each: QEMU's '-smp 1,maxcpus=2', never 'thread=single'"},
	{ENOSYS, "this processor has no atomic operations of 128 bits",
	 "give the node a processor model that has cmpxchg16b"},
	{EACCES, "permission denied",
	 "run as root, or ask the fabric's owner for access; in a node, be in "
	 "the group of /dev/fam0, or of resource2 of the device"},
	{EPERM, "the kernel does not permit it",
	 "run as root; a driver or the kernel's lockdown may hold the "
	 "memory"},
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
