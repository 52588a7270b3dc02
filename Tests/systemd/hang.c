// usage: hang PID
// Stops that thread of PID which computes most, and only that one, for as long as this program runs: a step that hangs
// while the rest of the process goes on. Ends when the process dies.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

struct thread {
    pid_t id;
    long ticks;
};

static long ticks(const char *process, pid_t thread) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/task/%d/stat", process, thread);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    long user = 0, kernel = 0;
    // The name in parentheses may hold blanks.
    if (fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &kernel) != 2) user = 0;
    fclose(file);
    return user + kernel;
}

static int list(const char *process, struct thread *threads, int capacity) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/task", process);
    DIR *tasks = opendir(path);
    if (!tasks) return 0;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(tasks)) && count < capacity;) {
        pid_t id = atoi(entry->d_name);
        if (id > 0) threads[count++] = (struct thread){id, ticks(process, id)};
    }
    closedir(tasks);
    return count;
}

int main(int argc, char **argv) {
    struct thread threads[512];
    int count = argc == 2 ? list(argv[1], threads, 512) : 0;
    if (count == 0) return fputs("usage: hang PID\n", stderr), 64;

    usleep(500000);
    struct thread busiest = {threads[0].id, -1};
    for (int i = 0; i < count; i++) {
        long spent = ticks(argv[1], threads[i].id) - threads[i].ticks;
        if (spent > busiest.ticks) busiest = (struct thread){threads[i].id, spent};
    }

    int status;
    if (ptrace(PTRACE_SEIZE, busiest.id, 0, 0) || ptrace(PTRACE_INTERRUPT, busiest.id, 0, 0)) return perror("ptrace"), 71;
    if (waitpid(busiest.id, &status, __WALL) != busiest.id) return perror("waitpid"), 71;
    printf("stopped thread %d of %s, which had computed for %ld of 50 ticks\n", busiest.id, argv[1], busiest.ticks);
    fflush(stdout);
    while (waitpid(busiest.id, &status, __WALL) == busiest.id && !WIFEXITED(status) && !WIFSIGNALED(status)) {}
    return 0;
}
