/*
 * The benchmark's floor: a client in C on libdbus that does no more than it must. It is run by make bench.
 * Its arguments, its acknowledgements and what it prints are those of every client; see ../../workload.
 */
#define _GNU_SOURCE
#include <dbus/dbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLUEZ "org.bluez"
#define ADAPTER "/org/bluez/hci0"
#define TARGET ADAPTER "/dev_C0_00_00_00_00_00"
#define DEVICE1 "org.bluez.Device1"
#define CHARACTERISTIC1 "org.bluez.GattCharacteristic1"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define MANAGER "org.freedesktop.DBus.ObjectManager"
enum { COMPANY = 0x004C, BATCH = 50, LONGEST = 512 };

static DBusConnection *conn;

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "floor: %s: %s\n", what, why ? why : "");
	exit(1);
}

/* What is counted and measured. */
static struct {
	uint64_t events, wanted, sum;
	double cpu, wall;
	int64_t first;
	int done;
} meter;

static double now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static double cpu(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static void start(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	meter.first = t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
	meter.cpu = cpu();
	meter.wall = now(CLOCK_MONOTONIC);
}

static void count(uint64_t value)
{
	if (meter.done)
		return;
	if (!meter.first)
		start();
	meter.sum += value;
	meter.events++;
	if (meter.events % BATCH == 0 && write(3, ".", 1) < 0)
		meter.done = 0; /* the service may have ended already */
	if (meter.events == meter.wanted) {
		meter.cpu = cpu() - meter.cpu;
		meter.wall = now(CLOCK_MONOTONIC) - meter.wall;
		meter.done = 1;
	}
}

static void event(const uint8_t *value, int size)
{
	uint32_t number = 0;
	if (size >= 4)
		memcpy(&number, value, 4);
	count((uint64_t)number + size);
}

static void report(void)
{
	long peak = 0;
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");
	while (status && fgets(line, sizeof line, status))
		sscanf(line, "VmHWM: %ld", &peak);
	printf("{\"events\":%llu,\"sum\":%llu,\"cpu\":%f,\"wall\":%f,\"peak\":%ld,\"first\":%lld}\n", (unsigned long long)meter.events,
	       (unsigned long long)meter.sum, meter.cpu, meter.wall, peak, (long long)meter.first);
}

/* The table of devices: open addressing, by path. */
struct device {
	char *path;
	int16_t rssi;
	int size;
	uint8_t data[32];
};
static struct device *table;
static size_t slots, used;

static struct device *slot(const char *path)
{
	uint64_t hash = 14695981039346656037u;
	for (const char *p = path; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 1099511628211u;
	size_t i = hash & (slots - 1);
	while (table[i].path && strcmp(table[i].path, path))
		i = (i + 1) & (slots - 1);
	return &table[i];
}

static struct device *device(const char *path)
{
	if (2 * used >= slots) {
		struct device *old = table;
		size_t n = slots;
		slots = slots ? 2 * slots : 1024;
		table = calloc(slots, sizeof *table);
		for (size_t i = 0; i < n; i++)
			if (old[i].path)
				*slot(old[i].path) = old[i];
		free(old);
	}
	struct device *d = slot(path);
	if (!d->path) {
		d->path = strdup(path);
		used++;
	}
	return d;
}

static const char *text(DBusMessageIter *i)
{
	const char *s;
	dbus_message_iter_get_basic(i, &s);
	return s;
}

static const uint8_t *bytes(DBusMessageIter *variant, int *size)
{
	DBusMessageIter array;
	const uint8_t *p = NULL;
	dbus_message_iter_recurse(variant, &array);
	dbus_message_iter_get_fixed_array(&array, &p, size);
	return p;
}

/* Opens the entry of a dictionary: its key, and what its variant holds. */
static const char *entry(DBusMessageIter *dictionary, DBusMessageIter *value)
{
	DBusMessageIter pair;
	dbus_message_iter_recurse(dictionary, &pair);
	const char *key = text(&pair);
	dbus_message_iter_next(&pair);
	dbus_message_iter_recurse(&pair, value);
	return key;
}

/* Merges properties into a device and counts the advertisement. */
static void advertised(const char *path, DBusMessageIter *properties)
{
	struct device *d = device(path);
	DBusMessageIter i, value;
	for (dbus_message_iter_recurse(properties, &i); dbus_message_iter_get_arg_type(&i); dbus_message_iter_next(&i)) {
		const char *key = entry(&i, &value);
		if (!strcmp(key, "RSSI")) {
			dbus_message_iter_get_basic(&value, &d->rssi);
		} else if (!strcmp(key, "ManufacturerData")) {
			DBusMessageIter m, pair, variant;
			for (dbus_message_iter_recurse(&value, &m); dbus_message_iter_get_arg_type(&m); dbus_message_iter_next(&m)) {
				uint16_t company;
				dbus_message_iter_recurse(&m, &pair);
				dbus_message_iter_get_basic(&pair, &company);
				dbus_message_iter_next(&pair);
				dbus_message_iter_recurse(&pair, &variant);
				int size;
				const uint8_t *p = bytes(&variant, &size);
				if (company == COMPANY && size <= (int)sizeof d->data) {
					memcpy(d->data, p, size);
					d->size = size;
				}
			}
		}
	}
	meter.sum += -d->rssi;
	event(d->data, d->size);
}

/* The tree of services, as it comes. */
static struct {
	int objects, chars, resolved, connected;
	char *path[1024];
} tree;

static void added(DBusMessageIter *args)
{
	char *path = (char *)text(args);
	dbus_message_iter_next(args);
	DBusMessageIter i, pair;
	for (dbus_message_iter_recurse(args, &i); dbus_message_iter_get_arg_type(&i); dbus_message_iter_next(&i)) {
		dbus_message_iter_recurse(&i, &pair);
		const char *iface = text(&pair);
		dbus_message_iter_next(&pair);
		if (!strcmp(iface, DEVICE1)) {
			advertised(path, &pair);
		} else if (!strncmp(iface, "org.bluez.Gatt", 14)) {
			tree.objects++;
			if (!strcmp(iface, CHARACTERISTIC1) && tree.chars < 1024)
				tree.path[tree.chars++] = strdup(path);
		}
	}
}

static void changed(DBusMessage *m, DBusMessageIter *args)
{
	const char *iface = text(args);
	dbus_message_iter_next(args);
	DBusMessageIter i, value;
	if (!strcmp(iface, CHARACTERISTIC1)) {
		for (dbus_message_iter_recurse(args, &i); dbus_message_iter_get_arg_type(&i); dbus_message_iter_next(&i))
			if (!strcmp(entry(&i, &value), "Value")) {
				uint8_t kept[LONGEST];
				int size;
				const uint8_t *p = bytes(&value, &size);
				if (size > LONGEST)
					size = LONGEST;
				memcpy(kept, p, size);
				event(kept, size);
			}
	} else if (!strcmp(iface, DEVICE1)) {
		int advertisement = 1;
		for (dbus_message_iter_recurse(args, &i); dbus_message_iter_get_arg_type(&i); dbus_message_iter_next(&i)) {
			const char *key = entry(&i, &value);
			dbus_bool_t truth;
			if (!strcmp(key, "Connected") || !strcmp(key, "ServicesResolved")) {
				dbus_message_iter_get_basic(&value, &truth);
				*(key[0] == 'C' ? &tree.connected : &tree.resolved) = truth;
				advertisement = 0;
			}
		}
		if (advertisement)
			advertised(dbus_message_get_path(m), args);
	}
}

static DBusHandlerResult filter(DBusConnection *c, DBusMessage *m, void *data)
{
	(void)c, (void)data;
	DBusMessageIter args;
	if (dbus_message_get_type(m) != DBUS_MESSAGE_TYPE_SIGNAL || !dbus_message_iter_init(m, &args))
		return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
	if (dbus_message_has_member(m, "PropertiesChanged"))
		changed(m, &args);
	else if (dbus_message_has_member(m, "InterfacesAdded"))
		added(&args);
	return DBUS_HANDLER_RESULT_HANDLED;
}

static void match(const char *rule)
{
	DBusError error = DBUS_ERROR_INIT;
	dbus_bus_add_match(conn, rule, &error);
	if (dbus_error_is_set(&error))
		fail("match", error.message);
}

static DBusMessage *method(const char *path, const char *iface, const char *name)
{
	return dbus_message_new_method_call(BLUEZ, path, iface, name);
}

static DBusMessage *call(DBusMessage *m)
{
	DBusError error = DBUS_ERROR_INIT;
	DBusMessage *reply = dbus_connection_send_with_reply_and_block(conn, m, 60000, &error);
	if (!reply)
		fail(dbus_message_get_member(m), error.message);
	dbus_message_unref(m);
	return reply;
}

static void run_until(int *condition, int value)
{
	while (*condition != value && dbus_connection_read_write_dispatch(conn, -1))
		;
}

/* Appends an a{sv} with at most one text. */
static void options(DBusMessageIter *args, const char *key, const char *value)
{
	DBusMessageIter d, e, v;
	dbus_message_iter_open_container(args, DBUS_TYPE_ARRAY, "{sv}", &d);
	if (key) {
		dbus_message_iter_open_container(&d, DBUS_TYPE_DICT_ENTRY, NULL, &e);
		dbus_message_iter_append_basic(&e, DBUS_TYPE_STRING, &key);
		dbus_message_iter_open_container(&e, DBUS_TYPE_VARIANT, "s", &v);
		dbus_message_iter_append_basic(&v, DBUS_TYPE_STRING, &value);
		dbus_message_iter_close_container(&e, &v);
		dbus_message_iter_close_container(&d, &e);
	}
	dbus_message_iter_close_container(args, &d);
}

static void scan(void)
{
	match("type='signal',sender='" BLUEZ "',interface='" MANAGER "'");
	match("type='signal',sender='" BLUEZ "',interface='" PROPERTIES "',path_namespace='" ADAPTER "',arg0='" DEVICE1 "'");
	dbus_message_unref(call(method(ADAPTER, "org.bluez.Adapter1", "StartDiscovery")));
	run_until(&meter.done, 1);
}

static void connect_device(void)
{
	for (int i = 0; i < tree.chars; i++)
		free(tree.path[i]);
	tree.objects = tree.chars = 0;
	dbus_message_unref(call(method(TARGET, DEVICE1, "Connect")));
	run_until(&tree.resolved, 1);
}

static void disconnect_device(void)
{
	dbus_message_unref(call(method(TARGET, DEVICE1, "Disconnect")));
	run_until(&tree.connected, 0);
}

static void read_values(void)
{
	while (!meter.done) {
		DBusMessage *m = method(tree.path[0], CHARACTERISTIC1, "ReadValue");
		DBusMessageIter args;
		dbus_message_iter_init_append(m, &args);
		options(&args, NULL, NULL);
		DBusMessage *reply = call(m);
		int size;
		dbus_message_iter_init(reply, &args);
		uint8_t kept[LONGEST];
		const uint8_t *p = bytes(&args, &size);
		if (size > LONGEST)
			size = LONGEST;
		memcpy(kept, p, size);
		dbus_message_unref(reply);
		event(kept, size);
	}
}

static void write_values(int size)
{
	uint8_t value[LONGEST] = {0}, *p = value;
	for (uint32_t i = 0; !meter.done; i++) {
		DBusMessage *m = method(tree.path[0], CHARACTERISTIC1, "WriteValue");
		DBusMessageIter args, array;
		memcpy(value, &i, 4);
		dbus_message_iter_init_append(m, &args);
		dbus_message_iter_open_container(&args, DBUS_TYPE_ARRAY, "y", &array);
		dbus_message_iter_append_fixed_array(&array, DBUS_TYPE_BYTE, &p, size);
		dbus_message_iter_close_container(&args, &array);
		options(&args, "type", "command");
		dbus_message_unref(call(m));
		event(value, size);
	}
}

static void notify(int subscriptions)
{
	for (int i = 0; i < subscriptions; i++)
		dbus_message_unref(call(method(tree.path[i], CHARACTERISTIC1, "StartNotify")));
	run_until(&meter.done, 1);
}

static int acquire(const char *name)
{
	DBusMessage *m = method(tree.path[0], CHARACTERISTIC1, name);
	DBusMessageIter args;
	dbus_message_iter_init_append(m, &args);
	options(&args, NULL, NULL);
	DBusMessage *reply = call(m);
	int fd = -1;
	dbus_message_iter_init(reply, &args);
	dbus_message_iter_get_basic(&args, &fd);
	dbus_message_unref(reply);
	return fd;
}

static void drain(void)
{
	uint8_t packet[LONGEST];
	int fd = acquire("AcquireNotify");
	while (!meter.done) {
		int n = recv(fd, packet, sizeof packet, 0);
		if (n < 0)
			fail("receive", "");
		event(packet, n);
	}
}

static void fill(int size)
{
	uint8_t packet[LONGEST] = {0};
	int fd = acquire("AcquireWrite");
	for (uint32_t i = 0; !meter.done; i++) {
		memcpy(packet, &i, 4);
		if (send(fd, packet, size, 0) < 0)
			fail("send", "");
		event(packet, size);
	}
}

int main(int argc, char **argv)
{
	if (argc < 6)
		fail("arguments", "ADDRESS MODE EVENTS SUBSCRIPTIONS SIZE; make bench runs it");
	const char *mode = argv[2];
	int subscriptions = atoi(argv[4]), size = atoi(argv[5]);
	meter.wanted = atoi(argv[3]);
	DBusError error = DBUS_ERROR_INIT;
	conn = dbus_connection_open(argv[1], &error);
	if (!conn || !dbus_bus_register(conn, &error))
		fail("connect to the bus", error.message);
	dbus_connection_add_filter(conn, filter, NULL, NULL);
	if (!strcmp(mode, "scan")) {
		scan();
		report();
		return 0;
	}
	match("type='signal',sender='" BLUEZ "',interface='" MANAGER "'");
	match("type='signal',sender='" BLUEZ "',interface='" PROPERTIES "',path_namespace='" TARGET "'");
	if (!strcmp(mode, "connect")) {
		start();
		while (!meter.done) {
			connect_device();
			int objects = tree.objects;
			disconnect_device();
			count(objects);
		}
		report();
		return 0;
	}
	connect_device();
	if (!strcmp(mode, "read"))
		read_values();
	else if (!strcmp(mode, "write"))
		write_values(size);
	else if (!strcmp(mode, "notify"))
		notify(subscriptions);
	else if (!strcmp(mode, "acquire"))
		drain();
	else if (!strcmp(mode, "acquirewrite"))
		fill(size);
	else
		fail("mode", mode);
	report();
	return 0;
}
